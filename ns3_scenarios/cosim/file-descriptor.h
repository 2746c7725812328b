// SPDX-License-Identifier: GPL-2.0-only
#ifndef SLICEBRIDGE_COSIM_FILE_DESCRIPTOR_H
#define SLICEBRIDGE_COSIM_FILE_DESCRIPTOR_H

namespace slicebridge
{

/// A file descriptor that is closed with its owner; -1 is none.
class FileDescriptor
{
  public:
    explicit FileDescriptor(int descriptor);
    ~FileDescriptor();
    FileDescriptor(const FileDescriptor&) = delete;
    FileDescriptor& operator=(const FileDescriptor&) = delete;

    int Get() const;

  private:
    int m_descriptor;
};

} // namespace slicebridge

#endif
