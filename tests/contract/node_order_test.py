"""Order under failures, by seed, of the Node SDK: the daemon and the rules of python_order_test.py."""

import unittest

import python_order_test as ours
from node_daemon import NodeTest, setUpModule  # noqa: F401

HANDLER = '''
    const handled = [];
    process.on("exit", () => tell(handled));
    function errorOf(record) {
      // In the value: how many attempts fail, and how the one after them ends.
      const [failures, end] = String(record.raw).split(" ");
      if (record.attempt <= Number(failures)) return new triggerd.Retry();
      return { ok: null, drop: new triggerd.Drop(), deadLetter: new triggerd.DeadLetter() }[end];
    }
    export %(define)s handle(argument) {
      const alone = argument instanceof triggerd.Record;
      const records = alone ? [argument] : [...argument];
      const errors = new Map(records.map((record, index) => [index, errorOf(record)]).filter(([, error]) => error !== null));
      const again = [...errors].filter(([, error]) => error instanceof triggerd.Retry).map(([index]) => index);
      const whole = !alone && again.length > 0 && records[0].offset %% 2 === 1;  // every other batch fails as a whole
      handled.push(records.map((record, index) =>
        [record.partition, record.rawKey && String(record.rawKey), record.offset, whole || again.includes(index)]));
      %(work)s
      if (whole) throw new triggerd.Retry();
      if (errors.size > 0) throw alone ? errors.get(0) : new triggerd.BatchError(errors);
    }
'''
KINDS = {"plain": {"define": "function", "work": ""},
         "async": {"define": "async function", "work": "await fs.promises.stat('/');"}}


class OrderTest(NodeTest, ours.OrderTest):
    HANDLERS = {ours.HANDLER % ours.KINDS[kind]: HANDLER % KINDS[kind] for kind in KINDS}


if __name__ == "__main__":
    unittest.main()
