#include "admin/openapi.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace triggerd::admin {
namespace {

// What is said of a page's security is what it asks on loopback; from afar all but the probes ask for the
// key.
constexpr const char* kPaths = R"json({
  "/": {"get": {"summary": "A page that names the others", "responses": {"200": {"$ref": "#/components/responses/Html"}}}},
  "/metrics": {"get": {"summary": "Prometheus metrics, text format 0.0.4",
    "responses": {"200": {"description": "all series", "content": {"text/plain": {"schema": {"type": "string"}}}}}}},
  "/healthz": {"get": {"summary": "Is the process well", "responses": {
    "200": {"description": "yes", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Health"}}}},
    "503": {"description": "no, and why", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Health"}}}}}}},
  "/readyz": {"get": {"summary": "Does it do its work; if not, why, one sentence each", "responses": {
    "200": {"description": "yes", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Readiness"}}}},
    "503": {"description": "no, and why", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Readiness"}}}}}}},
  "/openapi.json": {"get": {"summary": "This document",
    "responses": {"200": {"description": "OpenAPI 3.1", "content": {"application/json": {"schema": {"type": "object"}}}}}}},
  "/api/triggers": {"get": {"summary": "The triggers as they stand", "responses": {"200": {"description": "all of them",
    "content": {"application/json": {"schema": {"type": "object", "required": ["triggers"],
      "properties": {"triggers": {"type": "array", "items": {"$ref": "#/components/schemas/Trigger"}}}}}}}}}},
  "/api/triggers/{trigger}": {"get": {"summary": "One trigger: group, workers, partitions, lag and scale", "responses": {
    "200": {"description": "as it stands", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Trigger"}}}},
    "404": {"$ref": "#/components/responses/404"}}}},
  "/api/triggers/{trigger}/decisions": {"get": {"summary": "The last hundred scale decisions, newest first, with what they rest on",
    "responses": {
      "200": {"description": "decisions", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Decisions"}}}},
      "404": {"$ref": "#/components/responses/404"}}}},
  "/api/triggers/{trigger}/skip": {"post": {"summary": "Give up exactly one record that holds up its lane",
    "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Skip"}}}},
    "responses": {"202": {"$ref": "#/components/responses/Asked"}, "400": {"$ref": "#/components/responses/400"},
      "401": {"$ref": "#/components/responses/401"}, "404": {"$ref": "#/components/responses/404"},
      "415": {"$ref": "#/components/responses/415"}}}},
  "/api/triggers/{trigger}/scale": {"post": {"summary": "Set the target by hand, or end that",
    "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Scale"}}}},
    "responses": {"202": {"$ref": "#/components/responses/Asked"}, "400": {"$ref": "#/components/responses/400"},
      "401": {"$ref": "#/components/responses/401"}, "404": {"$ref": "#/components/responses/404"},
      "415": {"$ref": "#/components/responses/415"}}}},
  "/scale/{trigger}": {"get": {"summary": "How many instances the trigger's work needs; for KEDA's metrics-api scaler: target",
    "responses": {
      "200": {"description": "the newest decision", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Target"}}}},
      "404": {"$ref": "#/components/responses/404"}}}},
  "/admin/host/ping": {
    "get": {"summary": "Is anybody there", "responses": {"200": {"description": "yes"}}},
    "post": {"summary": "Is anybody there", "responses": {"200": {"description": "yes"}}}},
  "/admin/host/status": {"get": {"summary": "The Functions host's status", "responses": {
    "200": {"description": "status", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/HostStatus"}}}},
    "401": {"$ref": "#/components/responses/401"}}}},
  "/admin/host/scale/status": {"post": {"summary": "Votes and targets, as the Functions host's scale controllers ask for them",
    "requestBody": {"required": true, "content": {"application/json": {"schema": {"type": "object",
      "properties": {"workerCount": {"type": "integer", "minimum": 0, "description": "instances there are"}}}}}},
    "responses": {
      "200": {"description": "an answer for all triggers and for each",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ScaleStatus"}}}},
      "400": {"description": "not understood, or runtime scale monitoring is not enabled"},
      "401": {"$ref": "#/components/responses/401"}, "415": {"$ref": "#/components/responses/415"},
      "503": {"description": "the lag is not known yet"}}}},
  "/admin/host/drain": {"post": {"summary": "Settle what runs, commit, give the partitions up, and stay",
    "responses": {"202": {"description": "it has begun"}, "401": {"$ref": "#/components/responses/401"},
      "415": {"$ref": "#/components/responses/415"}}}},
  "/admin/host/drain/status": {"get": {"summary": "How far the drain is", "responses": {
    "200": {"description": "Disabled, InProgress or Completed",
      "content": {"application/json": {"schema": {"$ref": "#/components/schemas/DrainStatus"}}}},
    "401": {"$ref": "#/components/responses/401"}}}},
  "/admin/host/resume": {"post": {"summary": "Run the triggers again after a drain", "responses": {
    "200": {"description": "they run", "content": {"application/json": {"schema": {"type": "object", "required": ["state"],
      "properties": {"state": {"type": "string"}}}}}},
    "401": {"$ref": "#/components/responses/401"}, "409": {"description": "the drain is not over yet"},
    "415": {"$ref": "#/components/responses/415"}}}}
})json";

constexpr const char* kComponents = R"json({
  "securitySchemes": {
    "header": {"type": "apiKey", "in": "header", "name": "x-functions-key"},
    "query": {"type": "apiKey", "in": "query", "name": "code"},
    "bearer": {"type": "http", "scheme": "bearer"}},
  "parameters": {"trigger": {"name": "trigger", "in": "path", "required": true, "schema": {"type": "string"},
    "description": "its name in the fleet file"}},
  "responses": {
    "Html": {"description": "a page", "content": {"text/html": {"schema": {"type": "string"}}}},
    "Asked": {"description": "asked; what came of it is in the log and in the trigger's counts",
      "content": {"application/json": {"schema": {"type": "object", "required": ["asked"],
        "properties": {"asked": {"const": true}}}}}},
    "400": {"description": "not understood", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}},
    "401": {"description": "the key is missing or wrong",
      "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}},
    "404": {"description": "no such trigger", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}},
    "415": {"description": "without a key, only application/json is taken",
      "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}},
  "schemas": {
    "Error": {"type": "object", "required": ["error", "message"],
      "properties": {"error": {"type": "string"}, "message": {"type": "string"}}},
    "Health": {"type": "object", "required": ["healthy"],
      "properties": {"healthy": {"type": "boolean"}, "reasons": {"type": "array", "items": {"type": "string"}}}},
    "Readiness": {"type": "object", "required": ["ready"],
      "properties": {"ready": {"type": "boolean"}, "reasons": {"type": "array", "items": {"type": "string"}}}},
    "Skip": {"type": "object", "required": ["topic", "partition", "offset", "by"], "additionalProperties": false, "properties": {
      "topic": {"type": "string", "minLength": 1}, "partition": {"type": "integer", "minimum": 0},
      "offset": {"type": "integer", "minimum": 0},
      "by": {"type": "string", "minLength": 1, "maxLength": 200, "description": "who asks, for the log"}}},
    "Scale": {"type": "object", "required": ["target", "by"], "additionalProperties": false, "properties": {
      "target": {"type": ["integer", "null"], "minimum": 0, "maximum": 100000, "description": "instances; null: by the rules again"},
      "by": {"type": "string", "minLength": 1, "maxLength": 200, "description": "who asks, for the log"}}},
    "Trigger": {"type": "object",
      "required": ["trigger", "group", "topics", "state", "joined", "inFlight", "settled", "workers", "partitions"],
      "properties": {
        "trigger": {"type": "string"}, "group": {"type": "string"}, "topics": {"type": "array", "items": {"type": "string"}},
        "state": {"enum": ["starting", "running", "failing", "draining", "stopped"]}, "joined": {"type": "boolean"},
        "lastError": {"type": "string"}, "inFlight": {"type": "integer"}, "inFlightLimit": {"type": "integer"},
        "heldRecords": {"type": "integer"}, "heldBytes": {"type": "integer"}, "reading": {"type": "boolean"},
        "settled": {"type": "object", "additionalProperties": {"type": "integer"}}, "skipsRefused": {"type": "integer"},
        "deadLettersFailed": {"type": "integer"}, "lanesParked": {"type": "integer"}, "lanesBlocked": {"type": "integer"},
        "lanesAlarmed": {"type": "integer"}, "failedAttempts": {"type": "integer"},
        "unread": {"type": "array", "items": {"type": "string"}, "description": "partitions that are ours and not read, and why"},
        "workers": {"type": "object"}, "processes": {"type": "object", "description": "the last decision on the pool's size"},
        "partitions": {"type": "array", "items": {"$ref": "#/components/schemas/Partition"}},
        "lag": {"type": "object", "description": "of the whole group, whoever reads it"},
        "scale": {"type": "object"}}},
    "Partition": {"type": "object", "required": ["topic", "partition", "committed", "position", "lag", "stuck"], "properties": {
      "topic": {"type": "string"}, "partition": {"type": "integer"}, "epoch": {"type": "integer"},
      "committed": {"type": ["integer", "null"]}, "committable": {"type": "integer"}, "position": {"type": "integer"},
      "end": {"type": ["integer", "null"]}, "lag": {"type": ["integer", "null"]}, "undelivered": {"type": "integer"},
      "paused": {"type": "boolean"}, "stuck": {"type": "array", "items": {"type": "object"}}}},
    "Target": {"type": "object", "required": ["trigger", "target", "current", "vote", "active", "lag", "stale", "rule", "reason"],
      "properties": {
        "trigger": {"type": "string"}, "target": {"type": "integer", "minimum": 0, "description": "instances the work needs"},
        "current": {"type": "integer", "minimum": 0}, "vote": {"enum": [-1, 0, 1]}, "active": {"type": "boolean"},
        "lag": {"type": ["integer", "null"]}, "lagSeconds": {"type": ["number", "null"]}, "stuckPartitions": {"type": "integer"},
        "stale": {"type": "boolean", "description": "the target is held, for want of newer data"}, "complete": {"type": "boolean"},
        "snapshotAgeSeconds": {"type": ["number", "null"]}, "rule": {"type": "string"}, "reason": {"type": "string"}}},
    "Decisions": {"type": "object", "required": ["trigger", "decisions"], "properties": {"trigger": {"type": "string"},
      "decisions": {"type": "array", "maxItems": 100, "items": {"type": "object",
        "required": ["secondsAgo", "count", "target", "current", "vote", "rule", "reason", "inputs"],
        "properties": {"secondsAgo": {"type": "number"}, "firstSecondsAgo": {"type": "number"}, "count": {"type": "integer"},
          "target": {"type": "integer"}, "current": {"type": "integer"}, "vote": {"enum": [-1, 0, 1]},
          "rule": {"type": "string"}, "reason": {"type": "string"}, "inputs": {"type": "object"}}}}}},
    "HostStatus": {"type": "object", "required": ["id", "state", "version", "processUptime"], "properties": {
      "id": {"type": "string"}, "state": {"enum": ["Starting", "Running", "Stopping", "Stopped"]}, "version": {"type": "string"},
      "versionDetails": {"type": "string"}, "instanceId": {"type": "string"}, "computerName": {"type": "string"},
      "processUptime": {"type": "integer", "description": "ms"}}},
    "ScaleStatus": {"type": "object",
      "required": ["vote", "targetWorkerCount", "functionScaleStatuses", "functionTargetScalerResults"], "properties": {
        "vote": {"enum": [-1, 0, 1]}, "targetWorkerCount": {"type": ["integer", "null"]},
        "functionScaleStatuses": {"type": "object", "additionalProperties": {"type": "object", "required": ["vote"]}},
        "functionTargetScalerResults": {"type": "object",
          "additionalProperties": {"type": "object", "required": ["targetWorkerCount"]}}}},
    "DrainStatus": {"type": "object", "required": ["state", "outstandingInvocations", "outstandingRetries"], "properties": {
      "state": {"enum": ["Disabled", "InProgress", "Completed"]}, "outstandingInvocations": {"type": "integer"},
      "outstandingRetries": {"type": "integer"}}}}
})json";

}  // namespace

std::string openapi_document(std::string_view version) {
  namespace json = boost::json;
  json::object paths = json::parse(kPaths).as_object();
  const json::array key{json::object{{"header", json::array{}}}, json::object{{"query", json::array{}}},
                        json::object{{"bearer", json::array{}}}};
  for (auto& [path, item] : paths) {
    for (auto& [method, operation] : item.as_object())
      if (operation.at("responses").as_object().contains("401")) operation.as_object()["security"] = key;
    if (path.find("{trigger}") != std::string_view::npos)
      item.as_object()["parameters"] = json::array{json::object{{"$ref", "#/components/parameters/trigger"}}};
  }
  return json::serialize(
      json::object{{"openapi", "3.1.0"},
                   {"info", json::object{{"title", "triggerd admin listener"}, {"version", version}}},
                   {"paths", std::move(paths)},
                   {"components", json::parse(kComponents)}});
}

}  // namespace triggerd::admin
