// SPDX-License-Identifier: GPL-2.0-only
#include "cosim/header.h"
#include "cosim/schema-hash.h"
#include "cosim/tensor-layout.h"

#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <limits>
#include <rapidcheck.h>
#include <set>
#include <stdexcept>

namespace slicebridge
{
namespace
{

std::span<const std::byte> AsBytes(const std::vector<uint8_t>& bytes)
{
    return std::as_bytes(std::span(bytes));
}

TEST(Header, HasTheDocumentedBytes)
{
    const auto frame = EncodeHeader({MessageType::State, LAST, 0x0102030405060708U, 5, -2});
    const std::vector<uint8_t> expected{'S', 'L', 'B',  '1',  4,    2,    0,    0,    8,    7,   6,
                                        5,   4,   3,    2,    1,    5,    0,    0,    0,    0,   0,
                                        0,   0,   0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
    EXPECT_EQ(0, std::memcmp(frame.data(), expected.data(), HEADER_BYTES));
}

TEST(Header, ComesBackAsItWasSent)
{
    const auto holds = [](uint8_t flags, uint64_t episode, uint64_t step, int64_t time_ns)
    {
        const auto type = static_cast<MessageType>(*rc::gen::inRange(1, 9));
        const MessageHeader header{type, flags, episode, step, time_ns};
        RC_ASSERT(DecodeHeader(EncodeHeader(header)) == header);
    };
    EXPECT_TRUE(rc::check(holds));
}

TEST(Header, AnythingElseIsRefused)
{
    auto good = EncodeHeader({MessageType::Hello, 0, 0, 0, 0});
    EXPECT_TRUE(DecodeHeader(good));
    EXPECT_FALSE(DecodeHeader(std::span(good).first(HEADER_BYTES - 1)));
    EXPECT_FALSE(DecodeHeader({}));
    for (const std::size_t at : {0U, 3U, 6U, 7U})
    {
        auto bad = good;
        bad[at] = std::byte{0x55};
        EXPECT_FALSE(DecodeHeader(bad)) << "byte " << at;
    }
    for (const int type : {0, 13, 255})
    {
        auto bad = good;
        bad[4] = static_cast<std::byte>(type);
        EXPECT_FALSE(DecodeHeader(bad)) << "type " << type;
    }
}

TEST(Header, NoBytesAtAllCanHurt)
{
    EXPECT_TRUE(rc::check(
        [](const std::vector<uint8_t>& bytes)
        {
            const auto header = DecodeHeader(AsBytes(bytes));
            RC_ASSERT(!header || bytes.size() == HEADER_BYTES);
        }));
}

TEST(SchemaHash, IsSha256)
{
    // FIPS 180-2, appendix B.1, and the well-known digest of nothing.
    EXPECT_EQ(SchemaHash("abc"),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(SchemaHash(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(TensorLayout, PadsEveryTensorToEightBytes)
{
    const TensorLayout layout({{"a", DType::Float32, {3}},
                               {"b", DType::Int32, {2, 2}},
                               {"scalar", DType::Float32, {}},
                               {"none", DType::Float32, {0, 7}}});
    EXPECT_EQ(layout.Offset(0), 0U);
    EXPECT_EQ(layout.Offset(1), 16U);
    EXPECT_EQ(layout.Offset(2), 32U);
    EXPECT_EQ(layout.Offset(3), 40U);
    EXPECT_EQ(layout.Bytes(), 40U);
    EXPECT_EQ(layout.Elements(2), 1U);
    EXPECT_EQ(layout.Elements(3), 0U);
    EXPECT_EQ(layout.Index("b"), 1U);
    EXPECT_THROW(layout.Index("c"), std::out_of_range);
}

TEST(TensorLayout, RefusesRepeatedNamesAndBodiesWithoutBound)
{
    EXPECT_THROW(TensorLayout({{"a", DType::Float32, {1}}, {"a", DType::Float32, {1}}}),
                 std::invalid_argument);
    constexpr auto huge = std::numeric_limits<uint32_t>::max();
    EXPECT_THROW(TensorLayout({{"a", DType::Float32, {huge, huge, huge, huge}}}),
                 std::invalid_argument);
    EXPECT_THROW(TensorLayout({{"a", DType::Float32, {huge / 16}},
                               {"b", DType::Float32, {huge / 16}},
                               {"c", DType::Float32, {huge / 16}}}),
                 std::invalid_argument);
}

TEST(TensorLayout, TensorsNeverOverlap)
{
    EXPECT_TRUE(rc::check(
        [](const std::vector<uint8_t>& extents)
        {
            std::vector<TensorSpec> tensors;
            for (const auto extent : extents)
            {
                tensors.push_back({std::to_string(tensors.size()), DType::Float32, {extent, 3}});
            }
            const TensorLayout layout(tensors);
            std::size_t end = 0;
            for (std::size_t index = 0; index < tensors.size(); ++index)
            {
                RC_ASSERT(layout.Offset(index) >= end);
                RC_ASSERT(layout.Offset(index) < end + 8);
                RC_ASSERT(layout.Offset(index) % 8 == 0);
                end = layout.Offset(index) + 4 * layout.Elements(index);
            }
            RC_ASSERT(layout.Bytes() >= end);
            RC_ASSERT(layout.Bytes() < end + 8);
        }));
}

TEST(TensorBuffer, HoldsElementsWhereTheLayoutSays)
{
    TensorBuffer buffer(TensorLayout({{"f", DType::Float32, {3}}, {"i", DType::Int32, {1}}}));
    buffer.Floats(0)[2] = 1.5F;
    buffer.Ints(1)[0] = -7;
    float f = 0;
    int32_t i = 0;
    std::memcpy(&f, buffer.Bytes().data() + 8, sizeof(f));
    std::memcpy(&i, buffer.Bytes().data() + 16, sizeof(i));
    EXPECT_EQ(f, 1.5F);
    EXPECT_EQ(i, -7);
    EXPECT_EQ(buffer.Bytes()[12], std::byte{0});
    EXPECT_THROW(buffer.Floats(1), std::invalid_argument);
    EXPECT_THROW(buffer.Ints(0), std::invalid_argument);
}

TEST(TensorBuffer, NamesTheElementThatIsOutOfItsRange)
{
    TensorBuffer buffer(TensorLayout({{"free", DType::Float32, {1}},
                                      {"weight", DType::Float32, {2, 3}, TensorRange{0.01, 100}}}));
    buffer.Floats(0)[0] = std::nanf("");
    auto weight = buffer.Floats(1);
    std::fill(weight.begin(), weight.end(), 0.01F);
    weight[0] = 100.0F;
    EXPECT_EQ(buffer.FindOutOfRange(), std::nullopt) << "the ends belong to the range";
    weight[4] = 0.0F;
    EXPECT_EQ(buffer.FindOutOfRange(), "weight[1, 1] is 0, allowed are 0.01 to 100");
    weight[4] = std::nanf("");
    EXPECT_EQ(buffer.FindOutOfRange(), "weight[1, 1] is nan, allowed are 0.01 to 100");
    weight[4] = std::numeric_limits<float>::infinity();
    EXPECT_TRUE(buffer.FindOutOfRange());
}

} // namespace
} // namespace slicebridge
