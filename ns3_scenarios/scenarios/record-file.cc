// SPDX-License-Identifier: GPL-2.0-only
#include "scenarios/record-file.h"

#include <cerrno>
#include <nlohmann/json.hpp>
#include <system_error>

namespace slicebridge
{

namespace
{

constexpr std::size_t HEADER_ALIGNMENT = 64;

std::string Header(const std::vector<RecordColumn>& columns)
{
    auto described = nlohmann::ordered_json::array();
    for (const auto& column : columns)
    {
        described.push_back({{"name", column.name}, {"dtype", std::string(column.dtype)}});
    }
    nlohmann::ordered_json header;
    header["format"] = "slicebridge-record/1";
    header["columns"] = std::move(described);
    std::string text = header.dump();
    const std::size_t length = (text.size() / HEADER_ALIGNMENT + 1) * HEADER_ALIGNMENT;
    text.resize(length - 1, ' ');
    return text + '\n';
}

} // namespace

RecordFile::RecordFile(const std::filesystem::path& path, const std::vector<RecordColumn>& columns)
    : m_path(path),
      m_file(path, std::ios::binary | std::ios::trunc)
{
    const auto header = Header(columns);
    AppendBytes(header.data(), header.size());
    Flush();
}

void RecordFile::ContinueIn(const std::filesystem::path& path)
{
    std::filesystem::copy_file(m_path, path, std::filesystem::copy_options::overwrite_existing);
    m_file.close();
    m_file.open(path, std::ios::binary | std::ios::app);
    m_path = path;
    Flush();
}

void RecordFile::AppendBytes(const void* bytes, std::size_t count)
{
    const auto* begin = static_cast<const char*>(bytes);
    m_buffer.insert(m_buffer.end(), begin, begin + count);
}

void RecordFile::Flush()
{
    errno = 0;
    m_file.write(m_buffer.data(), static_cast<std::streamsize>(m_buffer.size()));
    m_file.flush();
    if (!m_file)
    {
        throw std::system_error(errno ? errno : EIO,
                                std::generic_category(),
                                m_path.string() + ": cannot be written");
    }
    m_buffer.clear();
}

} // namespace slicebridge
