// Keys about reaching a cluster; the files of tests/vectors/config say the rest.
#include <gtest/gtest.h>

#include "config/event_hub.hpp"
#include "config/pem.hpp"
#include "unit/config/fake_sources.hpp"

namespace triggerd::config {
namespace {

TEST(Connections, ATriggersKeyGoesOverItsClusters) {
  const World world{{{"ca.pem", vector_file("ca.pem")}}, {}};
  const Fleet fleet = good(
      "defaults: {worker: {command: [w]}}\n"
      "clusters: {main: {brokerList: 'm:1', protocol: saslSsl, authenticationMode: plain, username: u,\n"
      "  password: p, sslCaLocation: ca.pem, kafka: {client.rack: r}}}\n"
      "triggers:\n"
      "  a: {topic: a, cluster: main, username: other, sslCaPEM: '${file:ca.pem}'}\n"
      "  b: {topic: b, cluster: main}\n"
      "  c: {topic: c, eventHubConnectionString: 'Endpoint=sb://space/;SharedAccessKey=k'}\n"
      "  d: {topic: d, cluster: main, protocol: ssl, authenticationMode: none}\n",
      world);
  const Connection& a = fleet.triggers[0].connection;
  EXPECT_EQ(a.username, "other");
  EXPECT_EQ(a.password, Secret("p"));
  EXPECT_EQ(a.ssl_ca_location, "");
  EXPECT_EQ(a.ssl_ca_pem, vector_file("ca.pem"));
  EXPECT_EQ(a.kafka.at("client.rack"), "r");
  EXPECT_EQ(fleet.triggers[1].connection, fleet.clusters.at("main"));
  const Connection& c = fleet.triggers[2].connection;
  EXPECT_EQ(fleet.triggers[2].consumer_group, "$Default");
  EXPECT_EQ(c.broker_list, "space.servicebus.windows.net:9093");
  EXPECT_EQ(c.protocol, Connection::Protocol::sasl_ssl);
  EXPECT_EQ(c.authentication_mode, Connection::Authentication::plain);
  EXPECT_EQ(c.username, "$ConnectionString");
  EXPECT_EQ(c.password, Secret("Endpoint=sb://space/;SharedAccessKey=k"));
  EXPECT_EQ(fleet.triggers[3].connection.authentication_mode, Connection::Authentication::none);
}

TEST(EventHub, TheBrokerThatIsMeant) {
  EXPECT_EQ(event_hub_host("Endpoint=sb://space.servicebus.windows.net/;K=v"),
            "space.servicebus.windows.net");
  EXPECT_EQ(event_hub_host("K=v;Endpoint=sb://localhost:1;X=y"), "localhost:1");
  EXPECT_EQ(event_hub_host("space"), "");
  EXPECT_EQ(event_hub_broker("space"), "space.servicebus.windows.net:9093");
  EXPECT_EQ(event_hub_broker("a.example.com"), "a.example.com:9093");
  EXPECT_EQ(event_hub_broker("localhost:12"), "localhost:12");
}

TEST(Pem, EachKindOfKeyAndEachCertificateOfAText) {
  const std::string both = vector_file("both.pem");  // an EC key, its certificate, the authority
  const std::string certificates = vector_file("client.pem") + vector_file("ca.pem");
  EXPECT_EQ(certificates_in(both), certificates);
  EXPECT_EQ(keys_in(both), Secret(vector_file("client-ec.key")));
  for (const char* name : {"client.key", "client-ec.key", "client-encrypted.key", "other-rsa.key"}) {
    const Secret key(vector_file(name));
    EXPECT_EQ(keys_in("text before\n" + key.reveal() + "and after"), key) << name;
    EXPECT_EQ(key_problem(key, Secret("hunter2")), "") << name;
    EXPECT_EQ(key_matches(certificates, key, Secret("hunter2")), std::string(name) != "other-rsa.key")
        << name;
  }
  EXPECT_EQ(certificate_problem(certificates), "");
  EXPECT_EQ(certificates_in("-----BEGIN CERTIFICATE-----\ncut off"), "");
}

TEST(Pem, ALiteralBackslashNEndsALine) { EXPECT_EQ(pem_lines("a\\nb\nc\\"), "a\nb\nc\\"); }

}  // namespace
}  // namespace triggerd::config
