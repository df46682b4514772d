"""The judge on evidence made up for it: each kind of finding is found, and nothing where there is nothing."""
import os
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, os.pardir, "e2e")]

import judge
from handled import Handled, Line, lines, lives
from watch import Watch


def line(offset, at, partition=0, key="k", number=None, attempt=1):
    return Line(partition, offset, key, 10 * partition + offset if number is None else number, attempt, 1, at)


def verdict(lives, excused=(), by_key=False, ends=None):
    ends = ends or {0: 4}
    produced = judge.produced("".join(f"{10 * p + o} {p} {o}\n" for p, end in ends.items() for o in range(end)))
    return judge.judge(judge.Evidence(produced, lives, ends, list(excused), by_key))


IN_ORDER = [line(offset, offset) for offset in range(4)]


class Judged(unittest.TestCase):
    def test_each_once_and_in_order_is_right(self):
        found = verdict({"a": IN_ORDER})
        self.assertEqual((found.records, list(found.problems(0))), (4, []))

    def test_a_record_without_a_line_is_lost(self):
        self.assertEqual(verdict({"a": IN_ORDER[:2] + IN_ORDER[3:]}).lost, ["[0]@2"])

    def test_a_record_whose_place_the_producer_was_not_told_is_in_the_hole_or_at_the_end(self):
        numbers = judge.produced("10 0 0\n30 0 2\n20 0 -1001\n40 0 -1001\n11 1 -1001\n")
        self.assertEqual({p: list(n) for p, n in numbers.items()}, {0: [10, 20, 30, 40], 1: [11]})

    def test_a_partition_without_any_line_is_lost(self):
        self.assertEqual(verdict({"a": IN_ORDER}, ends={0: 4, 1: 1}).lost, ["[1]@0"])

    def test_what_was_deleted_unread_is_not_lost_and_nothing_else_is_excused(self):
        found = verdict({"a": IN_ORDER[:1]}, excused=[(0, 0, 3)])
        self.assertEqual((found.excused, found.lost), (2, ["[0]@3"]))

    def test_duplicates_are_counted_over_all_lives(self):
        found = verdict({"a": IN_ORDER, "b": [line(2, 9), line(3, 10)]})
        self.assertEqual((found.duplicates, list(found.problems(2))), (2, []))
        self.assertEqual(list(found.problems(1)), ["2 duplicates, 1 allowed"])

    def test_a_first_delivery_behind_a_later_one_is_out_of_order(self):
        found = verdict({"a": [line(0, 0), line(2, 1), line(1, 2), line(3, 3)]})
        self.assertEqual(found.out_of_order, ["a: [0]@1 after @2"])

    def test_files_of_several_workers_are_ordered_by_time(self):
        self.assertEqual(verdict({"a": [line(1, 1), line(3, 3), line(0, 0), line(2, 2)]}).out_of_order, [])

    def test_a_second_delivery_is_never_out_of_order(self):
        self.assertEqual(verdict({"a": IN_ORDER + [line(1, 9), line(2, 10)]}).out_of_order, [])

    def test_another_life_begins_anew(self):
        self.assertEqual(verdict({"a": IN_ORDER[2:], "b": IN_ORDER[:2]}).out_of_order, [])

    def test_with_keys_each_has_an_order_of_its_own(self):
        crossed = [line(1, 0, key="b"), line(0, 1, key="a"), line(3, 2, key="a"), line(2, 3, key="b")]
        self.assertEqual(verdict({"a": crossed}, by_key=True).out_of_order, [])
        self.assertEqual(len(verdict({"a": crossed}).out_of_order), 2)
        same = [line(1, 0, key="a"), line(0, 1, key="a"), line(3, 2, key="a"), line(2, 3, key="b")]
        self.assertEqual(verdict({"a": same}, by_key=True).out_of_order, ["a: [0]@0 after @1"])
        self.assertEqual(verdict({"a": same}, by_key=None).out_of_order, [])

    def test_a_changed_number_and_an_offset_of_nobody_are_found(self):
        found = verdict({"a": IN_ORDER[:3] + [line(3, 3, number=77), line(9, 4)]})
        self.assertEqual(found.changed, ["[0]@3 as number 77", "[0]@9 as number 9"])
        self.assertEqual(found.lost, ["[0]@3"])


class CommitsLogged(unittest.TestCase):
    def test_a_lower_one_is_found_but_not_after_another_assignment_nor_a_refused_one(self):
        def committed(offsets):
            return {"event": "offsets_committed", "offsets": offsets}
        up = [committed("t[0]@5,t[1]@9"), committed("t[0]@7!,t[1]@10"), committed("t[0]@6")]
        self.assertEqual(list(judge.went_back(up)), [])
        self.assertEqual(list(judge.went_back([*up, committed("t[0]@5")])), ["t[0] was committed at 6, then at 5"])
        again = {"event": "partitions_assigned", "partitions": "t[0]@4,t[1]@9"}
        self.assertEqual(list(judge.went_back([*up, again, committed("t[0]@5")])), [])


class Committed:
    """A group's offsets, as the watch asks for them."""

    def __init__(self, *answers):
        self.answers = list(answers)

    def committed(self, _group, _topic):
        return self.answers.pop(0)


class Watched(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.handled = Handled(self.folder)

    def write(self, name, *offsets, rest=""):
        with open(os.path.join(self.folder, name), "a", encoding="ascii") as f:
            f.write("".join(f"t 0 {offset} k {offset} 1 17 {offset}\n" for offset in offsets) + rest)

    def problems(self, *answers):
        watch = Watch(Committed(*answers), "g", "t", self.handled)
        for _ in answers:
            watch.look()
        return list(watch.problems.values())

    def test_a_commit_up_to_what_was_handled_is_right(self):
        self.write("a.1", 0, 1)
        self.assertEqual(self.problems({0: None}, {0: 1}, {0: 2}), [])

    def test_a_commit_ahead_of_a_record_is_found(self):
        self.write("a.1", 0, 2)
        self.assertEqual(self.problems({0: 2}), ["[0] was committed up to 2, but 1 was not handled"])

    def test_a_commit_that_goes_back_is_found(self):
        self.write("a.1", 0, 1)
        self.assertEqual(self.problems({0: 2}, {0: 1}), ["[0]'s commit went from 2 back to 1"])

    def test_but_not_where_brokers_fail(self):
        self.write("a.1", 0, 1)
        watch = Watch(Committed({0: 2}, {0: 1}), "g", "t", self.handled, stale=True)
        watch.look()
        watch.look()
        self.assertEqual(watch.problems, {})

    def test_a_line_cut_off_does_not_count_and_one_finished_later_does(self):
        self.write("a.1", 0, rest="t 0 1 k 1")
        self.assertEqual((self.handled.advance(), self.handled.first_missing(0)), (1, 1))
        self.write("a.1", rest=" 1 17 5\n")
        self.assertEqual((self.handled.advance(), self.handled.first_missing(0)), (2, 2))

    def test_deleted_records_are_stepped_over(self):
        self.write("a.1", 0, 4)
        self.handled.advance()
        self.handled.excuse(0, 1, 4)
        self.assertEqual(self.handled.first_missing(0), 5)

    def test_files_belong_to_the_life_they_are_named_after(self):
        self.write("daemon1.17", 0, 1)
        self.write("daemon1.18", 2)
        self.write("daemon2.19", 3, rest="t 0")
        found = {life: [l.offset for l in lines(paths)] for life, paths in lives(self.folder).items()}
        self.assertEqual(found, {"daemon1": [0, 1, 2], "daemon2": [3]})


if __name__ == "__main__":
    unittest.main()
