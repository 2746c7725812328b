// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_COSIM_TENSOR_LAYOUT_H
#define SLICEBRIDGE_COSIM_TENSOR_LAYOUT_H

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace slicebridge
{

/// Element types on the wire, little-endian.
enum class DType : uint8_t
{
    Float32, ///< "<f4"
    Int32,   ///< "<i4"
};

/// Closed interval that every element must lie in; its ends are rounded to the element type.
struct TensorRange
{
    double low;
    double high;
};

/// One named tensor of a message body.
struct TensorSpec
{
    std::string name;
    DType dtype{DType::Float32};
    std::vector<uint32_t> shape;        ///< row-major; no dimension means one element
    std::optional<TensorRange> range{}; ///< checked on what comes in
};

/// Name, dtype, shape and range ("low", "high") of a tensor, as an entry of the schema.
nlohmann::json ToJson(const TensorSpec& tensor);

/// Where each tensor of a body lies: in the given order, each padded to a multiple of 8 bytes.
class TensorLayout
{
  public:
    /// @throws std::invalid_argument on a repeated name or a body of 2^31 bytes or more
    explicit TensorLayout(std::vector<TensorSpec> tensors);

    const std::vector<TensorSpec>& Tensors() const;

    /// Elements of a tensor.
    std::size_t Elements(std::size_t index) const;

    /// Byte at which a tensor begins.
    std::size_t Offset(std::size_t index) const;

    /// Length of the body.
    std::size_t Bytes() const;

    /// Index of the tensor of that name. @throws std::out_of_range
    std::size_t Index(std::string_view name) const;

  private:
    std::vector<TensorSpec> m_tensors;
    std::vector<std::size_t> m_offsets;
    std::vector<std::size_t> m_elements;
    std::size_t m_bytes{};
};

/// A message body in memory, allocated once; padding bytes are and stay zero.
class TensorBuffer
{
  public:
    explicit TensorBuffer(TensorLayout layout);

    const TensorLayout& Layout() const;

    std::span<const std::byte> Bytes() const;
    std::span<std::byte> Bytes();

    /// Elements of a Float32 tensor. @throws std::invalid_argument if it is none
    std::span<float> Floats(std::size_t index);
    std::span<const float> Floats(std::size_t index) const;

    /// Elements of an Int32 tensor. @throws std::invalid_argument if it is none
    std::span<int32_t> Ints(std::size_t index);

    /// Where a Float32 element is NaN or outside its tensor's range, in words; nothing if none is.
    std::optional<std::string> FindOutOfRange() const;

  private:
    TensorLayout m_layout;
    std::vector<std::byte> m_bytes; ///< the allocator aligns it, offsets are multiples of 8
};

} // namespace slicebridge

#endif
