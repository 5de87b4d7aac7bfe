// The names of a run's files, in its own folder and in a checkpoint's.
#pragma once

namespace gradus::run_files {

inline constexpr const char* kConfig = "config.toml";
inline constexpr const char* kTokenizer = "tokenizer.json";
inline constexpr const char* kColumns = "columns.json";
inline constexpr const char* kImages = "images.json";
inline constexpr const char* kAudio = "audio.json";
inline constexpr const char* kSplit = "split.csv";
inline constexpr const char* kLog = "log.jsonl";
inline constexpr const char* kCheckpoints = "checkpoints";
inline constexpr const char* kModel = "model.safetensors";
inline constexpr const char* kBest = "best.safetensors";
inline constexpr const char* kAverage = "average.safetensors";
inline constexpr const char* kOptimizer = "optimizer.safetensors";
inline constexpr const char* kState = "state.json";
inline constexpr const char* kLastLink = "last";  // in the folder of the checkpoints, like the next
inline constexpr const char* kBestLink = "best";
inline constexpr const char* kSummary = "summary.json";

}  // namespace gradus::run_files
