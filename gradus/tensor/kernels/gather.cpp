// Look-ups by index and their gradients (declared in copy.h).
#include <atomic>
#include <cstring>
#include <optional>

#include "gradus/base/error.h"
#include "gradus/tensor/kernels/copy.h"
#include "gradus/tensor/kernels/walk.h"

namespace gradus::kernels {
namespace {

bool is_inside(int64_t id, int64_t end) { return static_cast<uint64_t>(id) < static_cast<uint64_t>(end); }

// Whether each is in [0, end): by the first bit of differences, which needs no branch.
bool are_inside(const int64_t* ids, int64_t count, int64_t end) {
  const uint64_t last = static_cast<uint64_t>(end) - 1;
  uint64_t outside = 0;
  for (int64_t i = 0; i < count; ++i) outside |= static_cast<uint64_t>(ids[i]) | (last - static_cast<uint64_t>(ids[i]));
  return outside >> 63 == 0;
}

// The place of the first id outside [0, end), where threads look at parts of them.
class FirstOutside {
 public:
  FirstOutside(const int64_t* ids, int64_t count, int64_t end) : ids_(ids), count_(count), end_(end), first_(count) {}

  // Whether ids [begin, last) are all inside.
  bool holds(int64_t begin, int64_t last) {
    if (are_inside(ids_ + begin, last - begin, end_)) return true;
    while (is_inside(ids_[begin], end_)) ++begin;
    for (int64_t found = first_.load(); begin < found && !first_.compare_exchange_weak(found, begin);) {
    }
    return false;
  }
  // Nothing if no id was found.
  std::optional<int64_t> place() const { return first_ < count_ ? std::optional(first_.load()) : std::nullopt; }

 private:
  const int64_t* ids_;
  int64_t count_, end_;
  std::atomic<int64_t> first_;
};

// No id is looked at in a dry run.
std::optional<int64_t> first_outside(const int64_t* ids, int64_t count, int64_t end) {
  FirstOutside outside(ids, count, end);
  parallel_for(count, kGrain, [&](int64_t begin, int64_t last) { outside.holds(begin, last); });
  return outside.place();
}

// Ids as contiguous i64, each in [0, rows).
Tensor checked_ids(const Tensor& ids, int64_t rows) {
  if (ids.dtype() != DType::kI64 && ids.dtype() != DType::kI32) {
    fail("embedding", "ids are {}; expected i64 or i32", ids.describe());
  }
  Tensor result = contiguous(cast(ids, DType::kI64));
  const int64_t* id = result.data<int64_t>();
  if (const std::optional<int64_t> i = first_outside(id, result.numel(), rows)) {
    fail("embedding", "id {} at position {}; expected 0 to {} (the table has {} rows)", id[*i], *i, rows - 1, rows);
  }
  return result;
}

Tensor parallel_zeros(const Shape& shape, DType dtype) {
  Tensor result = Tensor::empty(shape, dtype);
  std::byte* bytes = result.mutable_bytes();
  parallel_for(result.numel() * size_of(dtype), int64_t{1} << 20,
               [=](int64_t begin, int64_t end) { std::memset(bytes + begin, 0, static_cast<size_t>(end - begin)); });
  return result;
}

// Columns are independent; each piece adds its columns in the order of ids.
template <class T>
void add_rows(T* table, const T* grad, const int64_t* ids, int64_t count, int64_t width) {
  const int64_t columns = count * width <= kGrain ? std::max<int64_t>(1, width) : 64;
  parallel_for(width, columns, [=](int64_t begin, int64_t end) {
    for (int64_t i = 0; i < count; ++i) {
      T* to = table + ids[i] * width;
      const T* from = grad + i * width;
      for (int64_t c = begin; c < end; ++c) to[c] += from[c];
    }
  });
}

// `x` is what is read (gather) or the shape of what is added to (scatter_add).
void check_index(std::string_view op, const Shape& x, int axis, const Tensor& index) {
  if (index.dtype() != DType::kI64) fail(op, "the index is {}; expected i64", index.describe());
  bool fits = index.rank() == x.rank();
  for (int i = 0; fits && i < x.rank(); ++i) fits = i == axis || index.shape()[i] <= x[i];
  if (!fits) {
    fail(op, "an index of shape {} for {}; expected {} dimensions, and sizes no larger off axis {}",
         to_string(index.shape()), to_string(x), x.rank(), axis);
  }
}

// What an index picks along an axis of a tensor, or of what is added to.
struct Picked {
  std::string_view op;
  const Shape& shape;
  int axis;
  const Shape& strides;
  IndexIs index_is;
};

// Calls `body(position in the index, offset in the tensor)` for each element of the index, some rows of it at a time.
template <class Body>
void for_indexed(const Picked& from, const Tensor& index, bool in_parallel, Body&& body) {
  Shape strides = from.strides;
  const int64_t axis_stride = strides[from.axis];
  strides[from.axis] = 0;
  const Walk<2> walk(index.shape(), {&index.strides(), &strides});
  const int64_t stride = walk.inner_stride()[1], inner = walk.inner();
  const int64_t* id = index.data<int64_t>();
  FirstOutside outside(id, index.numel(), from.shape[from.axis]);
  const int64_t grain = in_parallel ? std::max<int64_t>(1, kCostlyGrain / inner) : walk.rows();
  parallel_for(walk.rows(), grain, [&](int64_t begin, int64_t end) {
    if (from.index_is == IndexIs::kAny && !outside.holds(begin * inner, end * inner)) return;
    walk.for_rows(begin, end, [&](const Walk<2>::Offsets& at) {
      const auto [position, offset] = at;
      if (stride == 0 && axis_stride == 1) {  // in a dense row
        for (int64_t i = 0; i < inner; ++i) body(position + i, offset + id[position + i]);
      } else {
        for (int64_t i = 0; i < inner; ++i) {
          body(position + i, offset + i * stride + id[position + i] * axis_stride);
        }
      }
    });
  });
  if (const std::optional<int64_t> i = outside.place()) {
    fail(from.op, "index {} at position {}; expected 0 to {} (axis {} of {})", id[*i], *i, from.shape[from.axis] - 1,
         from.axis, to_string(from.shape));
  }
}

}  // namespace

Tensor gather_rows(const Tensor& table, const Tensor& ids) {
  if (table.rank() != 2) fail("embedding", "a table of {}; expected two dimensions (V, C)", table.describe());
  const Tensor source = contiguous(table), rows = checked_ids(ids, table.shape()[0]);
  const int64_t width = table.shape()[1], row_bytes = width * size_of(table.dtype());
  Shape shape = ids.shape();
  shape.push_back(width);
  Tensor result = Tensor::empty(shape, table.dtype());
  if (result.numel() == 0) return result;
  std::byte* to = result.mutable_bytes();
  const std::byte* from = source.bytes();
  const int64_t* id = rows.data<int64_t>();
  parallel_for(rows.numel(), std::max<int64_t>(1, kGrain / width), [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      std::memcpy(to + i * row_bytes, from + id[i] * row_bytes, static_cast<size_t>(row_bytes));
    }
  });
  return result;
}

void add_rows_at(Tensor& table, const Tensor& grad, const Tensor& ids) {
  Shape expected = ids.shape();
  if (grad.rank() > 0) expected.push_back(grad.shape().back());
  if (!(grad.shape() == expected)) {
    fail("embedding", "a gradient of {} for ids of {}; expected the shape of the ids and one more dimension",
         grad.describe(), ids.describe());
  }
  if (table.rank() != 2 || table.size(1) != grad.size(-1) || table.dtype() != grad.dtype() || !table.is_contiguous()) {
    fail("embedding", "a gradient of {} for a table of {}; expected a contiguous one of its width and dtype",
         grad.describe(), table.describe());
  }
  const Tensor source = contiguous(grad), rows = checked_ids(ids, table.size(0));
  dispatch_float("embedding", grad.dtype(), [&]<class T>(T) {
    add_rows(table.mutable_data<T>(), source.data<T>(), rows.data<int64_t>(), rows.numel(), table.size(1));
  });
}

Tensor scatter_add_rows(const Tensor& grad, const Tensor& ids, int64_t table_rows) {
  if (grad.rank() == 0) fail("embedding", "a gradient of {}; expected at least one dimension", grad.describe());
  Tensor result = parallel_zeros({table_rows, grad.shape().back()}, grad.dtype());
  add_rows_at(result, grad, ids);
  return result;
}

Tensor gather(const Tensor& x, int axis, const Tensor& index, IndexIs index_is) {
  axis = normalize_axis("gather", axis, x.rank());
  const Tensor where = contiguous(index);
  check_index("gather", x.shape(), axis, where);
  Tensor result = Tensor::empty(index.shape(), x.dtype());
  if (result.numel() == 0) return result;
  dispatch_all(x.dtype(), [&]<class T>(T) {
    T* to = result.mutable_data<T>();
    const T* from = x.data<T>();
    for_indexed({"gather", x.shape(), axis, x.strides(), index_is}, where, true,
                [=](int64_t i, int64_t offset) { to[i] = from[offset]; });
  });
  return result;
}

Tensor scatter_add(const Tensor& grad, int axis, const Tensor& index, const Shape& shape, IndexIs index_is) {
  axis = normalize_axis("scatter_add", axis, shape.rank());
  const Tensor where = contiguous(index), source = contiguous(grad);
  check_index("scatter_add", shape, axis, where);
  if (!(grad.shape() == index.shape())) {
    fail("scatter_add", "a gradient of shape {} for an index of shape {}; they must be equal", to_string(grad.shape()),
         to_string(index.shape()));
  }
  Tensor result = parallel_zeros(shape, grad.dtype());
  if (grad.numel() == 0) return result;
  // Along the last axis each row adds to a row of its own; else to places that others add to.
  const bool are_apart = axis == index.rank() - 1;
  dispatch_float("scatter_add", grad.dtype(), [&]<class T>(T) {
    T* to = result.mutable_data<T>();
    const T* from = source.data<T>();
    for_indexed({"scatter_add", shape, axis, result.strides(), index_is}, where, are_apart,
                [=](int64_t i, int64_t offset) { to[offset] += from[i]; });
  });
  return result;
}

}  // namespace gradus::kernels
