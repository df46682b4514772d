#include "metrics/metrics.hpp"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "metrics/catalog.hpp"

namespace triggerd::metrics {
namespace {

using namespace std::chrono_literals;

// The value of one series, as written; empty: there is no such line.
std::string value(const std::string& page, const std::string& series) {
  const std::string line = "\n" + series + " ";
  const std::size_t at = ("\n" + page).find(line);
  if (at == std::string::npos) return "";
  const std::size_t begin = at + line.size() - 1;
  return page.substr(begin, page.find('\n', begin) - begin);
}

PartitionValues partition(std::int32_t number) {
  return {.source = {Topic("orders"), Partition{number}},
          .lag = 3,
          .behind = 1500ms,
          .committed = Offset{7},
          .position = Offset{9},
          .start = Offset{2},
          .end = Offset{10}};
}

std::string page_of(const Metrics& metrics) {
  std::string page;
  const auto next = metrics.pieces();
  while (next(page)) {
  }
  return page;
}

// One of everything, as a daemon at work would show it.
void fill(Metrics& metrics) {
  TriggerMetrics& t = metrics.trigger("t");
  t.batch_records.observe(5);
  t.commit_duration.observe(3ms);
  t.set_partitions({partition(0)});
  metrics.trigger_info("t", "g", "main");
  metrics.outlook("t");
  metrics.cluster("main").error("_TIMED_OUT", 2);
}

TEST(Counter, AddsAndFollows) {
  Metrics metrics("0", "0");
  TriggerMetrics& t = metrics.trigger("t");
  const auto read = [&] { return value(page_of(metrics), "triggerd_records_read_total{trigger=\"t\"}"); };
  EXPECT_EQ(read(), "0");
  t.records_read.add();
  t.records_read.add(4);
  EXPECT_EQ(read(), "5");
  t.records_read.follow(10);  // the other count has risen by 10
  EXPECT_EQ(read(), "15");
  t.records_read.follow(10);
  EXPECT_EQ(read(), "15");
  t.records_read.follow(12);
  EXPECT_EQ(read(), "17");
  t.records_read.follow(1);  // it began anew
  EXPECT_EQ(read(), "18");
}

TEST(ByValue, SelectsOneState) {
  Metrics metrics("0", "0");
  TriggerMetrics& t = metrics.trigger("t");
  const auto state = [&](const std::string& name) {
    return value(page_of(metrics), "triggerd_trigger_state{state=\"" + name + "\",trigger=\"t\"}");
  };
  EXPECT_EQ(state("running"), "0");
  t.state.select("starting");
  EXPECT_EQ(state("starting"), "1");
  t.state.select("running");
  EXPECT_EQ(state("running"), "1");
  EXPECT_EQ(state("starting"), "0");
  EXPECT_EQ(state("stopped"), "0");
}

TEST(ByValueDeathTest, AValueOutsideTheCatalogueIsOurBug) {
  Metrics metrics("0", "0");
  EXPECT_DEATH(metrics.trigger("t").commits["maybe"].add(), "maybe");
}

TEST(Histogram, CountsIntoBuckets) {
  Metrics metrics("0", "0");
  TriggerMetrics& t = metrics.trigger("t");
  t.commit_duration.observe(3ms);
  t.commit_duration.observe(2s);
  t.batch_records.observe(500);
  const std::string page = page_of(metrics);
  const std::string commits = "triggerd_commit_duration_seconds";
  EXPECT_EQ(value(page, commits + "_count{trigger=\"t\"}"), "2");
  EXPECT_EQ(value(page, commits + "_bucket{trigger=\"t\",le=\"0.0025\"}"), "0");
  EXPECT_EQ(value(page, commits + "_bucket{trigger=\"t\",le=\"0.005\"}"), "1");
  EXPECT_EQ(value(page, commits + "_bucket{trigger=\"t\",le=\"+Inf\"}"), "2");
  EXPECT_EQ(value(page, "triggerd_batch_records_bucket{trigger=\"t\",le=\"200\"}"), "0");
  EXPECT_EQ(value(page, "triggerd_batch_records_bucket{trigger=\"t\",le=\"500\"}"), "1");
}

TEST(Histogram, FollowsDurationsThatAreCountedElsewhere) {
  Metrics metrics("0", "0");
  TriggerMetrics& t = metrics.trigger("t");
  dispatch::Durations d;
  d.add(3ms);
  t.batch_duration.follow(d);
  d.add(3ms);
  d.add(700ms);
  t.batch_duration.follow(d);
  t.batch_duration.follow(d);
  const auto shown = [&](const std::string& rest) {
    return value(page_of(metrics), "triggerd_batch_duration_seconds" + rest);
  };
  EXPECT_EQ(shown("_count{trigger=\"t\"}"), "3");
  EXPECT_EQ(shown("_sum{trigger=\"t\"}"), "0.706");
  EXPECT_EQ(shown("_bucket{trigger=\"t\",le=\"0.005\"}"), "2");
  EXPECT_EQ(shown("_bucket{trigger=\"t\",le=\"0.5\"}"), "2");
  EXPECT_EQ(shown("_bucket{trigger=\"t\",le=\"1\"}"), "3");
  dispatch::Durations anew;
  anew.add(1ms);
  t.batch_duration.follow(anew);
  EXPECT_EQ(shown("_count{trigger=\"t\"}"), "4") << "it began anew";
}

TEST(Counter, FollowsTimeInSeconds) {
  Metrics metrics("0", "0");
  TriggerMetrics& t = metrics.trigger("t");
  t.worker_busy.follow(1500ms);
  t.worker_busy.follow(2500ms);
  EXPECT_EQ(value(page_of(metrics), "triggerd_worker_busy_seconds_total{trigger=\"t\"}"), "2.5");
}

TEST(Metrics, OfAGroupAreThereOnceItIsKnown) {
  Metrics metrics("0", "0");
  metrics.trigger("t");
  EXPECT_EQ(value(page_of(metrics), "triggerd_scale_target_instances{trigger=\"t\"}"), "")
      << "no 0 before it is known";
  metrics.outlook("t").target_instances.set(3);
  EXPECT_EQ(value(page_of(metrics), "triggerd_scale_target_instances{trigger=\"t\"}"), "3");
  metrics.cluster("main").requests["list_offsets"].add(4);
  metrics.cluster("main").error("_TRANSPORT", 1);
  metrics.cluster("main").error("_TRANSPORT", 2);
  const std::string page = page_of(metrics);
  EXPECT_EQ(value(page, "triggerd_lag_requests_total{cluster=\"main\",kind=\"list_offsets\"}"), "4");
  EXPECT_EQ(value(page, "triggerd_lag_refresh_errors_total{cluster=\"main\",error=\"_TRANSPORT\"}"), "3");
}

TEST(Metrics, GivesTheSameHandlesForTheSameName) {
  Metrics metrics("0", "0");
  TriggerMetrics& first = metrics.trigger("t");
  EXPECT_EQ(&first, &metrics.trigger("t"));
  EXPECT_NE(&first, &metrics.trigger("u"));
}

TEST(Metrics, KeepsTriggersApart) {
  Metrics metrics("0", "0");
  metrics.trigger("t").held_bytes.set(123456789);
  metrics.trigger("u").held_bytes.set(1);
  const std::string page = page_of(metrics);
  EXPECT_EQ(value(page, "triggerd_held_bytes{trigger=\"t\"}"), "123456789");
  EXPECT_EQ(value(page, "triggerd_held_bytes{trigger=\"u\"}"), "1");
}

TEST(Metrics, EveryRowOfTheCatalogueIsOnThePage) {
  Metrics metrics("0.1.0", "2.15.1");
  fill(metrics);
  const std::string page = "\n" + page_of(metrics);
  for (const Definition& row : kCatalog) {
    const std::string name(row.name);
    EXPECT_NE(page.find("\n# HELP " + name + " " + std::string(row.help) + "\n"), std::string::npos) << name;
    EXPECT_NE(page.find("\n# TYPE " + name + " " + metrics::name(row.type) + "\n"), std::string::npos)
        << name;
  }
}

TEST(Metrics, EveryFamilyOnThePageIsInTheCatalogue) {
  Metrics metrics("0.1.0", "2.15.1");
  fill(metrics);
  const std::string page = page_of(metrics);
  std::size_t families = 0;
  for (std::size_t at = page.find("# TYPE "); at != std::string::npos; at = page.find("# TYPE ", at + 1))
    ++families;
  EXPECT_EQ(families, std::size(kCatalog));
}

// What has not happened yet is a 0, not a gap: rate() and alerts need the first sample.
TEST(Metrics, ClosedLabelsAreThereFromTheStart) {
  Metrics metrics("0.1.0", "2.15.1");
  metrics.trigger("t");
  metrics.outlook("t");
  metrics.cluster("t");
  const std::string page = page_of(metrics);
  for (const Definition& row : kCatalog) {
    const std::string owner(row.labels.substr(0, row.labels.find(',')));
    const std::string label(row.labels.substr(row.labels.rfind(',') + 1));
    Words values(row.values);
    for (std::string_view word = values.next(); !word.empty(); word = values.next()) {
      const std::string pair = label + "=\"" + std::string(word) + "\"";
      const std::string whose = owner + "=\"t\"";
      const std::string series = label < owner ? pair + "," + whose : whose + "," + pair;
      EXPECT_EQ(value(page, std::string(row.name) + "{" + series + "}"), "0") << row.name << " " << series;
    }
  }
}

TEST(Metrics, TellsTheBuild) {
  Metrics metrics("0.1.0", "2.15.1");
  EXPECT_EQ(value(page_of(metrics), "triggerd_build_info{librdkafka=\"2.15.1\",version=\"0.1.0\"}"), "1");
}

TEST(Metrics, ARevokedPartitionHasNoSeries) {
  Metrics metrics("0", "0");
  TriggerMetrics& t = metrics.trigger("t");
  const auto lag = [&](const std::string& number) {
    return value(
        page_of(metrics),
        "triggerd_consumer_lag_records{trigger=\"t\",topic=\"orders\",partition=\"" + number + "\"}");
  };
  t.set_partitions({partition(0), partition(1)});
  EXPECT_EQ(lag("0"), "3");
  EXPECT_EQ(lag("1"), "3");
  t.set_partitions({partition(1)});
  EXPECT_EQ(lag("0"), "");
  EXPECT_EQ(lag("1"), "3");
  t.set_partitions({});
  EXPECT_EQ(page_of(metrics).find("partition="), std::string::npos);
}

// What a loop sends between its turns is what a page in one is, and no family is torn.
TEST(Metrics, ThePageInPieces) {
  Metrics metrics("0.1.0", "2.15.1");
  for (int i = 0; i < 300; ++i) {
    const std::string name = "trigger-" + std::to_string(i);
    std::vector<PartitionValues> partitions(3);
    for (int p = 0; p < 3; ++p) {
      partitions[static_cast<std::size_t>(p)].source = {Topic("orders"), Partition{p}};
      partitions[static_cast<std::size_t>(p)].lag = i;
      if (p == 1) partitions[1].end = Offset{7};
    }
    metrics.trigger(name).set_partitions(std::move(partitions));
    metrics.outlook(name).target_instances.set(i);
  }
  std::string page;
  std::size_t largest = 0, pieces = 0;
  const auto next = metrics.pieces();
  for (bool more = true; more; ++pieces) {
    std::string piece;
    more = next(piece);
    EXPECT_TRUE(piece.empty() || piece.ends_with("\n"));
    largest = std::max(largest, piece.size());
    page += piece;
  }
  EXPECT_EQ(page, page_of(metrics));
  EXPECT_GT(pieces, 10u);
  EXPECT_LT(largest, std::size_t{140 << 10});
  EXPECT_EQ(
      value(page, "triggerd_consumer_lag_records{trigger=\"trigger-299\",topic=\"orders\",partition=\"2\"}"),
      "299");
}

// Loops set while the page is rendered, and triggers are added; ThreadSanitizer runs this too.
TEST(Metrics, IsRenderedWhileOthersSet) {
  Metrics metrics("0", "0");
  std::atomic<bool> stop = false;
  std::vector<std::thread> loops;
  for (int i = 0; i < 3; ++i) {
    loops.emplace_back([&, i] {
      TriggerMetrics& t = metrics.trigger("t" + std::to_string(i));
      for (std::int32_t n = 0; !stop; ++n) {
        t.records_read.add();
        t.batch_records.observe(n);
        t.state.select(n % 2 == 0 ? "running" : "failing");
        t.set_partitions(std::vector<PartitionValues>(static_cast<std::size_t>(n % 5), partition(n)));
      }
    });
  }
  for (int i = 0; i < 50; ++i) EXPECT_NE(page_of(metrics).find("triggerd_build_info"), std::string::npos);
  stop = true;
  for (std::thread& loop : loops) loop.join();
}

TEST(Metrics, PromtoolHasNothingToSay) {
  const std::string promtool_path = "$(" TRIGGERD_TESTS_DIR "/../deploy/setup/promtool --path)";
  ASSERT_EQ(std::system(("test -x " + promtool_path).c_str()), 0) << "deploy/setup/packages test fetches it";
  Metrics metrics("0.1.0", "2.15.1");
  fill(metrics);
  std::FILE* promtool = popen((promtool_path + " check metrics 2>&1").c_str(), "w");
  ASSERT_NE(promtool, nullptr);
  const std::string page = page_of(metrics);
  EXPECT_EQ(std::fwrite(page.data(), 1, page.size(), promtool), page.size());
  const int status = pclose(promtool);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "promtool's words are above";
}

}  // namespace
}  // namespace triggerd::metrics
