// SPDX-License-Identifier: GPL-2.0-only
#include "cosim/file-descriptor.h"

#include <unistd.h>

namespace slicebridge
{

FileDescriptor::FileDescriptor(int descriptor)
    : m_descriptor(descriptor)
{
}

FileDescriptor::~FileDescriptor()
{
    if (m_descriptor != -1)
    {
        close(m_descriptor);
    }
}

int FileDescriptor::Get() const
{
    return m_descriptor;
}

} // namespace slicebridge
