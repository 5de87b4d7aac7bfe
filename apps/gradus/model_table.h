// A model's parameters as a table.
#pragma once

#include <string>

#include "gradus/autograd/parameter.h"

namespace gradus::command {

/// A line for each parameter, in their order: name, shape, how many there are of it and their elements. Layers that are
/// alike and follow each other are listed once, "h.0-11.attn.c_attn.weight".
std::string model_table(const std::string& kind, const Parameters& parameters);

}  // namespace gradus::command
