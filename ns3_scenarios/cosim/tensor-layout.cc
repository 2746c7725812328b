// SPDX-License-Identifier: GPL-2.0-only
#include "cosim/tensor-layout.h"

#include <algorithm>
#include <sstream>
#include <stdexcept>

namespace slicebridge
{

namespace
{

constexpr std::size_t ELEMENT_BYTES = 4;
constexpr std::size_t ALIGNMENT_BYTES = 8;
constexpr std::size_t BODY_LIMIT = std::size_t{1} << 31;

std::size_t CountElements(const TensorSpec& tensor)
{
    std::size_t elements = 1;
    for (const auto extent : tensor.shape)
    {
        elements *= extent;
        if (elements >= BODY_LIMIT)
        {
            throw std::invalid_argument("tensor '" + tensor.name + "' is too large");
        }
    }
    return elements;
}

std::string IndexInWords(const TensorSpec& tensor, std::size_t element)
{
    std::vector<std::size_t> index(tensor.shape.size());
    for (std::size_t axis = tensor.shape.size(); axis-- > 0;)
    {
        index[axis] = element % tensor.shape[axis];
        element /= tensor.shape[axis];
    }
    std::ostringstream text;
    text << tensor.name << '[';
    for (std::size_t axis = 0; axis < index.size(); ++axis)
    {
        text << (axis == 0 ? "" : ", ") << index[axis];
    }
    text << ']';
    return text.str();
}

} // namespace

TensorLayout::TensorLayout(std::vector<TensorSpec> tensors)
    : m_tensors(std::move(tensors))
{
    for (auto tensor = m_tensors.begin(); tensor != m_tensors.end(); ++tensor)
    {
        const auto sameName = [&](const TensorSpec& other) { return other.name == tensor->name; };
        if (std::any_of(m_tensors.begin(), tensor, sameName))
        {
            throw std::invalid_argument("two tensors are called '" + tensor->name + "'");
        }
        m_offsets.push_back(m_bytes);
        m_elements.push_back(CountElements(*tensor));
        const std::size_t unpadded = m_elements.back() * ELEMENT_BYTES;
        m_bytes += (unpadded + ALIGNMENT_BYTES - 1) / ALIGNMENT_BYTES * ALIGNMENT_BYTES;
        if (m_bytes >= BODY_LIMIT)
        {
            throw std::invalid_argument("the message body is too large");
        }
    }
}

const std::vector<TensorSpec>& TensorLayout::Tensors() const
{
    return m_tensors;
}

std::size_t TensorLayout::Elements(std::size_t index) const
{
    return m_elements.at(index);
}

std::size_t TensorLayout::Offset(std::size_t index) const
{
    return m_offsets.at(index);
}

std::size_t TensorLayout::Bytes() const
{
    return m_bytes;
}

std::size_t TensorLayout::Index(std::string_view name) const
{
    const auto found = std::find_if(m_tensors.begin(),
                                    m_tensors.end(),
                                    [&](const auto& tensor) { return tensor.name == name; });
    if (found == m_tensors.end())
    {
        throw std::out_of_range("no tensor is called '" + std::string(name) + "'");
    }
    return static_cast<std::size_t>(found - m_tensors.begin());
}

nlohmann::json ToJson(const TensorSpec& tensor)
{
    nlohmann::json json{{"name", tensor.name},
                        {"dtype", tensor.dtype == DType::Float32 ? "<f4" : "<i4"},
                        {"shape", tensor.shape}};
    if (tensor.range)
    {
        json["low"] = tensor.range->low;
        json["high"] = tensor.range->high;
    }
    return json;
}

TensorBuffer::TensorBuffer(TensorLayout layout)
    : m_layout(std::move(layout)),
      m_bytes(m_layout.Bytes())
{
}

const TensorLayout& TensorBuffer::Layout() const
{
    return m_layout;
}

std::span<const std::byte> TensorBuffer::Bytes() const
{
    return m_bytes;
}

std::span<std::byte> TensorBuffer::Bytes()
{
    return m_bytes;
}

std::span<float> TensorBuffer::Floats(std::size_t index)
{
    const auto elements = std::as_const(*this).Floats(index);
    return {const_cast<float*>(elements.data()), elements.size()};
}

std::span<const float> TensorBuffer::Floats(std::size_t index) const
{
    if (m_layout.Tensors().at(index).dtype != DType::Float32)
    {
        throw std::invalid_argument("tensor '" + m_layout.Tensors()[index].name + "' is no float");
    }
    const auto* begin = Bytes().data() + m_layout.Offset(index);
    return {reinterpret_cast<const float*>(begin), m_layout.Elements(index)};
}

std::span<int32_t> TensorBuffer::Ints(std::size_t index)
{
    if (m_layout.Tensors().at(index).dtype != DType::Int32)
    {
        throw std::invalid_argument("tensor '" + m_layout.Tensors()[index].name + "' is no int");
    }
    auto* begin = Bytes().data() + m_layout.Offset(index);
    return {reinterpret_cast<int32_t*>(begin), m_layout.Elements(index)};
}

std::optional<std::string> TensorBuffer::FindOutOfRange() const
{
    const auto& tensors = m_layout.Tensors();
    for (std::size_t index = 0; index < tensors.size(); ++index)
    {
        if (tensors[index].dtype != DType::Float32 || !tensors[index].range)
        {
            continue;
        }
        const auto low = static_cast<float>(tensors[index].range->low);
        const auto high = static_cast<float>(tensors[index].range->high);
        const auto values = Floats(index);
        // Written so that NaN, which compares false with everything, counts as outside.
        const auto bad =
            std::find_if_not(values.begin(),
                             values.end(),
                             [low, high](float value) { return value >= low && value <= high; });
        if (bad != values.end())
        {
            std::ostringstream text;
            text << IndexInWords(tensors[index], static_cast<std::size_t>(bad - values.begin()))
                 << " is " << *bad << ", allowed are " << low << " to " << high;
            return text.str();
        }
    }
    return std::nullopt;
}

} // namespace slicebridge
