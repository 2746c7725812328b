// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_TESTS_PROGRAM_H
#define SLICEBRIDGE_TESTS_PROGRAM_H

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace slicebridge
{

/// A directory that is gone after the test.
class TemporaryDirectory
{
  public:
    TemporaryDirectory()
    {
        std::string name = (std::filesystem::temp_directory_path() / "ran-slicing-XXXXXX").string();
        if (!mkdtemp(name.data()))
        {
            throw std::runtime_error("no temporary directory");
        }
        m_path = name;
    }

    ~TemporaryDirectory()
    {
        std::filesystem::remove_all(m_path);
    }

    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

    std::filesystem::path operator/(const std::string& name) const
    {
        return m_path / name;
    }

  private:
    std::filesystem::path m_path;
};

inline std::string ReadFile(const std::filesystem::path& path)
{
    std::ifstream file(path, std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

inline void WriteFile(const std::filesystem::path& path, const std::string& text)
{
    std::ofstream(path, std::ios::binary) << text;
}

/// ran-slicing as its users start it: a process of its own.
class Program
{
  public:
    /// Starts it; what it prints goes to files in `directory`.
    Program(const TemporaryDirectory& directory, std::vector<std::string> arguments)
        : m_stdout(directory / "stdout"),
          m_stderr(directory / "stderr")
    {
        const auto program =
            std::filesystem::read_symlink("/proc/self/exe").parent_path() / "ran-slicing";
        arguments.insert(arguments.begin(), program.string());
        m_pid = fork();
        if (m_pid == 0)
        {
            Redirect(m_stdout, STDOUT_FILENO);
            Redirect(m_stderr, STDERR_FILENO);
            std::vector<char*> pointers;
            for (auto& argument : arguments)
            {
                pointers.push_back(argument.data());
            }
            pointers.push_back(nullptr);
            execv(pointers[0], pointers.data());
            _exit(127);
        }
    }

    pid_t Pid() const
    {
        return m_pid;
    }

    /// Waits for the end. @return exit code, or minus the signal
    int Wait() const
    {
        int status = 0;
        waitpid(m_pid, &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    }

    std::string Output() const
    {
        return ReadFile(m_stdout);
    }

    std::string Errors() const
    {
        return ReadFile(m_stderr);
    }

  private:
    static void Redirect(const std::filesystem::path& path, int descriptor)
    {
        dup2(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), descriptor);
    }

    std::filesystem::path m_stdout;
    std::filesystem::path m_stderr;
    pid_t m_pid;
};

/// The program refuses a scenario: one line that names file, key and what is allowed, exit code 2,
/// nothing written.
inline void ExpectRefused(const nlohmann::json& scenario, const std::string& key)
{
    TemporaryDirectory directory;
    const auto file = directory / "bad.json";
    WriteFile(file, scenario.dump());
    const Program program(directory,
                          {"--scenario", file.string(), "--out", (directory / "out").string()});
    EXPECT_EQ(program.Wait(), 2);
    const auto errors = program.Errors();
    EXPECT_EQ(std::count(errors.begin(), errors.end(), '\n'), 1) << errors;
    EXPECT_NE(errors.find(file.string() + ": " + key + ": "), std::string::npos) << errors;
    EXPECT_NE(errors.find("(allowed: "), std::string::npos) << errors;
    EXPECT_EQ(program.Output(), "");
    EXPECT_FALSE(std::filesystem::exists(directory / "out"));
}

/// Rows of a record file, each a map from column to value.
inline std::vector<std::map<std::string, double>> ReadRecords(const std::filesystem::path& path)
{
    const std::string content = ReadFile(path);
    const auto headerBytes = content.find('\n') + 1;
    EXPECT_EQ(headerBytes % 64, 0U) << path;
    const auto header = nlohmann::json::parse(content.substr(0, headerBytes));
    EXPECT_EQ(header["format"], "slicebridge-record/1");
    std::vector<std::map<std::string, double>> rows;
    const char* at = content.data() + headerBytes;
    const char* end = content.data() + content.size();
    const auto take = [&at](auto value)
    {
        std::memcpy(&value, at, sizeof(value));
        at += sizeof(value);
        return static_cast<double>(value);
    };
    while (at < end)
    {
        auto& row = rows.emplace_back();
        for (const auto& column : header["columns"])
        {
            const std::string dtype = column["dtype"];
            row[column["name"]] = dtype == "<i4"   ? take(int32_t{})
                                  : dtype == "<i8" ? take(int64_t{})
                                  : dtype == "<f4" ? take(float{})
                                                   : take(double{});
        }
    }
    EXPECT_EQ(at, end) << path << " ends inside a row";
    return rows;
}

} // namespace slicebridge

#endif
