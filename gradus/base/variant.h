// std::variant, where copying an element may run out of memory.
#pragma once

#include <variant>

namespace gradus {

/// A variant whose copies are assigned: where copying an element throws (there is no memory), g++ 12 leaves the
/// constructor of std::variant for a random place.
template <class... Types>
struct Variant : std::variant<Types...> {
  using Base = std::variant<Types...>;
  using Base::Base;
  using Base::operator=;
  Variant() = default;
  Variant(const Variant& other) : Base() { Base::operator=(other); }
  Variant(Variant&&) = default;
  Variant& operator=(const Variant&) = default;
  Variant& operator=(Variant&&) = default;
};

}  // namespace gradus
