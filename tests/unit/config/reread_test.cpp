#include "config/reread.hpp"

#include <gtest/gtest.h>

#include "unit/config/fake_sources.hpp"

namespace triggerd::config {
namespace {

using Files = std::set<std::string>;

const std::string kFleet =
    "include: [more/*.yaml]\n"
    "clusters:\n"
    "  main:\n"
    "    brokerList: 'k:1'\n"
    "    protocol: saslSsl\n"
    "    authenticationMode: scramSha512\n"
    "    username: ${file:secrets/name}\n"
    "    password: ${file:secrets/word}\n";
const std::string kMore =
    "triggers:\n"
    "  orders:\n"
    "    cluster: main\n"
    "    topic: orders\n"
    "    worker: {command: [worker]}\n";

class RereadTest : public ::testing::Test {
 protected:
  RereadTest() {
    world.files = {
        {"f.yaml", kFleet}, {"more/a.yaml", kMore}, {"secrets/word", "one\n"}, {"secrets/name", "alice"}};
    const Loaded loaded = reread.load();
    EXPECT_TRUE(loaded.fleet) << lines(loaded.diagnostics);
  }
  std::string password(const std::optional<Reread::Change>& change) {
    return change && change->loaded.fleet ? change->loaded.fleet->triggers.at(0).connection.password.reveal()
                                          : "";
  }

  World world;
  Reread reread{"f.yaml", world.sources()};
};

TEST_F(RereadTest, AChangeIsTakenAtTheSecondLookThatSeesIt) {
  EXPECT_FALSE(reread.look());
  world.files["secrets/word"] = "tw";
  EXPECT_FALSE(reread.look());
  world.files["secrets/word"] = "two\n";
  EXPECT_FALSE(reread.look()) << "it is being written";
  const auto change = reread.look();
  EXPECT_EQ(password(change), "two");
  EXPECT_EQ(change->files, Files{"secrets/word"});
  EXPECT_FALSE(reread.look());
  EXPECT_FALSE(reread.look());
}

TEST_F(RereadTest, NothingIsTakenWhileAnotherFileIsBeingWritten) {
  world.files["secrets/word"] = "two";
  EXPECT_FALSE(reread.look());
  world.files["secrets/name"] = "bob";
  EXPECT_FALSE(reread.look());
  const auto change = reread.look();
  ASSERT_TRUE(change);
  EXPECT_EQ(change->files, (Files{"secrets/name", "secrets/word"}));
}

TEST_F(RereadTest, WhatIsMissingOrEmptyForAWhileIsAsItWas) {
  world.files.erase("secrets/word");
  world.files["secrets/name"] = "";
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(reread.look());
  world.files["secrets/word"] = "one\n";
  world.files["secrets/name"] = "alice";
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(reread.look());
}

TEST_F(RereadTest, TheFleetsOwnFilesStayAsTheyWere) {
  world.files["f.yaml"] = "clusters: nonsense";
  world.files["more/a.yaml"] = "triggers: {}\n";
  world.files["more/b.yaml"] = "more nonsense";
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(reread.look());
  world.files["secrets/word"] = "two";
  EXPECT_FALSE(reread.look());
  EXPECT_EQ(password(reread.look()), "two");
}

TEST_F(RereadTest, WhatWasRefusedIsToldAgainWithWhatMakesItGood) {
  world.files["secrets/name"] = "bob";
  world.files["secrets/word"] = "\n";  // no password at all
  EXPECT_FALSE(reread.look());
  const auto refused = reread.look();
  ASSERT_TRUE(refused);
  EXPECT_FALSE(refused->loaded.fleet);
  EXPECT_FALSE(reread.look()) << "it is said once";
  world.files["secrets/word"] = "two";
  EXPECT_FALSE(reread.look());
  const auto change = reread.look();
  EXPECT_EQ(password(change), "two");
  EXPECT_EQ(change->files, (Files{"secrets/name", "secrets/word"}));
}

TEST(Renewal, ByWhatDiffers) {
  Connection before;
  before.protocol = Connection::Protocol::sasl_ssl;
  before.authentication_mode = Connection::Authentication::plain;
  before.username = "alice";
  before.password = Secret("one");
  before.ssl_ca_location = "ca.pem";
  before.ssl_key_location = "key.pem";
  EXPECT_EQ(renewal(before, before, {}), Renewal::none);
  EXPECT_EQ(renewal(before, before, {"other.pem"}), Renewal::none);
  EXPECT_EQ(renewal(before, before, {"ca.pem"}), Renewal::client);
  EXPECT_EQ(renewal(before, before, {"key.pem"}), Renewal::client);
  Connection now = before;
  now.password = Secret("two");
  EXPECT_EQ(renewal(before, now, {"word"}), Renewal::login);
  EXPECT_EQ(renewal(before, now, {"word", "ca.pem"}), Renewal::client);
  now.username = "bob";
  EXPECT_EQ(renewal(before, now, {}), Renewal::login);
  now.ssl_key_pem = Secret("PEM");
  EXPECT_EQ(renewal(before, now, {}), Renewal::client);
  Connection bearer = before;
  bearer.authentication_mode = Connection::Authentication::oauth_bearer;
  Connection other = bearer;
  other.oauth.client_secret = Secret("two");
  EXPECT_EQ(renewal(bearer, other, {}), Renewal::client);
  EXPECT_EQ(renewal({}, {}, {""}), Renewal::none) << "a file that is not named";
}

}  // namespace
}  // namespace triggerd::config
