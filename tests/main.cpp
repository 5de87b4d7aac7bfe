// GoogleTest's main, and --isa=NAME: the same tests on a lower instruction set.
#include <gtest/gtest.h>

#include <cstdio>
#include <string_view>

#include "gradus/base/error.h"
#include "gradus/tensor/isa.h"

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  constexpr std::string_view kFlag = "--isa=";
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (!argument.starts_with(kFlag)) continue;
    const gradus::Isa isa = gradus::isa_from_name(argument.substr(kFlag.size()));
    if (isa > gradus::detected_isa()) {
      std::printf("skipped: this processor has %s at most\n", std::string(name_of(gradus::detected_isa())).c_str());
      return 77;  // ctest's SKIP_RETURN_CODE
    }
    gradus::limit_isa(isa);
  }
  return RUN_ALL_TESTS();
}
