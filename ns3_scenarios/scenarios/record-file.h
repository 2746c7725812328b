// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_SCENARIOS_RECORD_FILE_H
#define SLICEBRIDGE_SCENARIOS_RECORD_FILE_H

#include <bit>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace slicebridge
{

/// A column of a record file and its type as NumPy writes it: "<i4", "<i8", "<f4" or "<f8".
struct RecordColumn
{
    std::string name;
    std::string_view dtype;
};

/// A file of packed rows, as docs/records.md lays it down. Rows reach it as wholes, by Flush().
class RecordFile
{
  public:
    /// Creates the file and writes its header. @throws std::system_error if that fails
    RecordFile(const std::filesystem::path& path, const std::vector<RecordColumn>& columns);

    /// Append values in the order of the columns; each has to have its column's type.
    template <typename... Values>
    void Append(Values... values)
    {
        static_assert(std::endian::native == std::endian::little);
        (AppendBytes(&values, sizeof(values)), ...);
    }

    /// Go on in a copy of the file, which is not written to any more. @throws std::system_error
    void ContinueIn(const std::filesystem::path& path);

    /// Hand what has been appended to the operating system. @throws std::system_error
    void Flush();

  private:
    void AppendBytes(const void* bytes, std::size_t count);

    std::filesystem::path m_path;
    std::ofstream m_file;
    std::vector<char> m_buffer;
};

} // namespace slicebridge

#endif
