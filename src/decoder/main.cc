// hashgate-decoder: the only binary that parses uploads. Started by the server, never by hand.
#include "decoder/spawner_main.h"
#include "image/process.h"

int main(int argc, char** argv) {
  return hashgate::decoder::SpawnerMain(
      argc, argv, {.process = hashgate::image::ProcessUpload, .warm_up = hashgate::image::WarmUp});
}
