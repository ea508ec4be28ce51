// The spawner: warms up, then forks a worker for each request of the server.
#pragma once

#include "decoder/worker.h"

namespace hashgate::decoder {

/// The whole of hashgate-decoder: `--control-fd N` serves the server at that socket until it closes, with the
/// plug-ins that the server names first. Returns the process's exit status: 0 when the server went away, 1
/// after a failure that the first message names, 2 for wrong arguments. Stays single-threaded.
int SpawnerMain(int argc, char** argv, const Program& program);

}  // namespace hashgate::decoder
