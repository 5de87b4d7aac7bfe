// GoogleTest's main, and --whole: every call and every allocation instead of a sample.
#include <gtest/gtest.h>

#include <string_view>

#include "tests/torture/torture.h"

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  for (int i = 1; i < argc; ++i) gradus::g_whole |= std::string_view(argv[i]) == "--whole";
  return RUN_ALL_TESTS();
}
