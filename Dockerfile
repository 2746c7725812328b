# SPDX-License-Identifier: MIT
# Set-up is that of the Makefile, and nothing else: what works here works on a bare machine.
FROM debian:12

RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates make \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /slicebridge
COPY . .
RUN make build

CMD ["make", "campaign"]
