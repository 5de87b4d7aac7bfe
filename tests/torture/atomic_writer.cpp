// A program for power_loss_test: `atomic_writer FILE TEXT…` writes FILE whole or not at all, a piece at a time.
#include <cstdio>

#include "gradus/base/error.h"
#include "gradus/base/files.h"

int main(int argc, char** argv) try {
  if (argc < 2) return 2;
  gradus::AtomicFile file(argv[1]);
  for (int i = 2; i < argc; ++i) file.write(argv[i]);
  file.commit();
  return 0;
} catch (const gradus::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
