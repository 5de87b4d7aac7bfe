// Words for the table of keys: ranges, types and conditions that several keys have.
#pragma once

#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gradus/train/config_keys.h"

namespace gradus::keys {

inline constexpr double kInfinity = std::numeric_limits<double>::infinity();
inline constexpr Range kAny = {};
inline constexpr Range kAbove0 = {.low = 0, .low_open = true};
inline constexpr Range kFrom0 = {.low = 0};
inline constexpr Range kFrom1 = {.low = 1};
inline constexpr Range kAbove1 = {.low = 1, .low_open = true};
inline constexpr Range kHistory = {.low = 1, .high = 1000};
inline constexpr Range kUpTo0 = {.high = 0};
inline constexpr Range kFrom0To1 = {.low = 0, .high = 1};
inline constexpr Range kAbove0To1 = {.low = 0, .high = 1, .low_open = true};
inline constexpr Range kAbove0Below1 = {.low = 0, .high = 1, .low_open = true, .high_open = true};
inline constexpr Range kFrom0Below1 = {.low = 0, .high = 1, .high_open = true};
inline constexpr Range kThreads = {.low = 0, .high = 1024};
inline constexpr Range kWindow = {.low = 1, .high = 1000000};  // its losses are kept
// Keeps products of three sizes inside 64 bits.
inline constexpr Range kSize = {.low = 1, .high = 1 << 20};

inline ValueType integer(Range range) { return {ValueKind::kInteger, range}; }
inline ValueType real(Range range) { return {ValueKind::kReal, range}; }
inline ValueType boolean() { return {ValueKind::kBoolean}; }
inline ValueType text() { return {ValueKind::kText}; }
inline ValueType choice(std::vector<std::string_view> choices, std::vector<FormerChoice> former = {}) {
  return {ValueKind::kChoice, {}, std::move(choices), std::move(former)};
}
inline ValueType batch_size() { return {ValueKind::kBatchSize, kFrom1}; }
inline ValueType penalty() { return {ValueKind::kRealOrWord, kFrom0, {"path"}}; }
inline ValueType real_or(Range range, std::vector<std::string_view> words) {
  return {ValueKind::kRealOrWord, range, std::move(words)};
}
inline ValueType integers(Range range) { return {ValueKind::kIntegers, range}; }
inline ValueType counts(Range range) { return {ValueKind::kCounts, range}; }
inline ValueType reals(Range range) { return {ValueKind::kReals, range}; }
inline ValueType texts() { return {ValueKind::kTexts}; }

inline Condition always() { return {}; }
inline Condition data_is(std::vector<std::string_view> kinds) { return {"data.kind", std::move(kinds)}; }
inline Condition model_is(std::vector<std::string_view> kinds) { return {"model.kind", std::move(kinds)}; }
// Models of features or examples that learn a target by a loss.
inline Condition model_has_loss() {
  return model_is({"linear", "mlp", "cnn", "lenet", "vgg", "resnet", "vit", "encoder", "rnn"});
}
// The same and the model of text, whose target is the next token.
inline Condition model_has_loss_or_is_gpt() {
  Condition condition = model_has_loss();
  condition.choices.emplace_back("gpt");
  return condition;
}
inline Condition optimizer_is(std::vector<std::string_view> names) { return {"optimizer.name", std::move(names)}; }
inline Condition optimizer_is_not(std::vector<std::string_view> names) {
  return {"optimizer.name", std::move(names), true};
}
inline Condition schedule_is_not(std::vector<std::string_view> names) {
  return {"schedule.name", std::move(names), true};
}
inline Condition solver_is(std::vector<std::string_view> names) { return {"solver.name", std::move(names)}; }
inline Condition loss_is(std::vector<std::string_view> names) { return {"loss.name", std::move(names)}; }
inline Condition is_path() { return {"regularization.l1", {"path"}}; }
inline Condition sweep_is_random() { return {"sweep.method", {"random"}}; }
inline Condition is_given(std::string_view key) { return {std::string(key), {}}; }
inline Condition is_not_given(std::string_view key) { return {std::string(key), {}, true}; }

inline std::vector<DefaultsByChoice> by_optimizer(std::vector<DefaultsByChoice::One> values) {
  return {{"optimizer.name", std::move(values)}};
}

/// The keys of [data], [model] (of all models, and of networks alone), [loss] and [solver].
std::vector<Key> data_keys();
/// Those of [data] that pictures alone have, and of [augment].
std::vector<Key> image_data_keys();
std::vector<Key> augment_keys();
/// The same of sounds.
std::vector<Key> audio_data_keys();
std::vector<Key> audio_augment_keys();
std::vector<Key> model_keys();
std::vector<Key> network_keys();
std::vector<Key> loss_keys();
std::vector<Key> solver_keys();

}  // namespace gradus::keys
