#include "outcome.hpp"

#include <algorithm>
#include <limits>
#include <variant>

#include "triggerd/worker.hpp"

namespace triggerd::worker_sdk {

namespace {

using Code = wire::Answer::Code;

Outcome outcome_of(const Retry& error) {
  constexpr std::int64_t most = std::numeric_limits<std::uint32_t>::max();
  const std::int64_t wait = std::clamp<std::int64_t>(error.wait().count(), 0, most);
  return {Code::retry, static_cast<std::uint32_t>(wait), error.what()};
}
Outcome outcome_of(const DeadLetter& error) { return {Code::dead_letter, 0, error.what()}; }
Outcome outcome_of(const Drop& error) { return {Code::drop, 0, error.what()}; }

Attempt some_failed(const BatchError& error, std::size_t records) {
  const std::size_t last = error.failures().rbegin()->first;
  if (last >= records) {
    return {{Code::retry, 0,
             "BatchError names record " + std::to_string(last) + " of a batch of " + std::to_string(records)},
            {}};
  }
  Attempt ended;
  for (const auto& [index, failure] : error.failures()) {
    ended.others[index] = std::visit([](const auto& each) { return outcome_of(each); }, failure);
  }
  return ended;
}

}  // namespace

const Outcome& Attempt::of(std::size_t index) const {
  const auto found = others.find(index);
  return found == others.end() ? usual : found->second;
}

Attempt attempt(const std::function<void()>& call, std::size_t records) {
  try {
    call();
    return {};
  } catch (const Retry& error) {
    return {outcome_of(error), {}};
  } catch (const DeadLetter& error) {
    return {outcome_of(error), {}};
  } catch (const Drop& error) {
    return {outcome_of(error), {}};
  } catch (const BatchError& error) {
    return some_failed(error, records);
  } catch (const std::exception& error) {
    return {{Code::retry, 0, error.what()}, {}};
  } catch (...) {
    return {{Code::retry, 0, "an exception that is no std::exception"}, {}};
  }
}

}  // namespace triggerd::worker_sdk
