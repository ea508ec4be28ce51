// A plug-in that does whatever its configuration says, well or badly. What is wrong with it from the start is chosen when
// it is compiled.
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hashgate/plugin.h"

#ifndef TEST_ABI
#define TEST_ABI HASHGATE_PLUGIN_ABI
#endif
#ifndef TEST_STRUCT_SIZE
#define TEST_STRUCT_SIZE sizeof(hashgate_plugin)
#endif
#ifndef TEST_HASH_SIZE
#define TEST_HASH_SIZE 144
#endif
#ifndef TEST_ALGORITHM
#define TEST_ALGORITHM HASHGATE_ALGORITHM_PHOTODNA
#endif
#ifndef TEST_VERSION
#define TEST_VERSION "7.1"
#endif

enum { kBytes = 144, kTrigger = 161 };

static char g_action[64];
static unsigned g_calls;

static void* Sleep(void* unused) {
  for (;;) pause();
  return unused;
}

static void StartThread(void) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, Sleep, NULL) != 0) abort();
}

static int Does(const char* action) {
  return strcmp(g_action, action) == 0;
}

static int Init(const char* config, char* error, size_t error_size) {
  snprintf(g_action, sizeof g_action, "%s", config);
  if (Does("refuse")) {
    snprintf(error, error_size, "the licence\nhas ended");
    return 3;
  }
  if (Does("crash-at-init")) abort();
  if (Does("thread-at-init")) StartThread();
  return HASHGATE_OK;
}

// The same for every picture of the same pixels, and far from that of others.
static void Mix(const hashgate_picture* picture, uint8_t* hash) {
  uint64_t state = 0xcbf29ce484222325u;
  for (uint32_t y = 0; y < picture->height; ++y) {
    for (uint32_t x = 0; x < picture->width * 3; ++x) {
      state = (state ^ picture->pixels[y * picture->stride + x]) * 0x100000001b3u;
    }
  }
  for (int i = 0; i < kBytes; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    hash[i] = (uint8_t)(state >> 56);
  }
}

static int Hash(const hashgate_picture* picture, uint8_t* hash) {
  ++g_calls;
  Mix(picture, hash);
  if (Does("forgetful")) hash[0] = (uint8_t)g_calls;
  if (picture->width != kTrigger) return HASHGATE_OK;
  if (Does("fail")) return -1;
  if (Does("crash")) abort();
  if (Does("open")) return open("/etc/passwd", O_RDONLY);
  if (Does("thread")) StartThread();
  if (Does("wait")) {
    // Twice, which waits for itself.
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&mutex);
    pthread_mutex_lock(&mutex);
  }
  if (Does("spin")) {
    for (volatile unsigned i = 0;; ++i) {
    }
  }
  if (Does("too-much")) {
    for (size_t taken = 0; taken < (size_t)8 << 30; taken += 1 << 20) {
      if (malloc(1 << 20) == NULL) return -1;
    }
  }
  return HASHGATE_OK;
}

#ifdef TEST_TURNED
// Not turned at all, but each form another: what counts here is which one is reported.
static int HashTurned(const hashgate_picture* picture, uint8_t* hashes) {
  Mix(picture, hashes);
  if (Does("other-form")) hashes[0] ^= 1;
  for (unsigned form = 1; form < HASHGATE_TURNS; ++form) {
    for (int i = 0; i < kBytes; ++i) hashes[form * kBytes + i] = (uint8_t)(hashes[i] ^ (form << 5) ^ (form * i));
  }
  return HASHGATE_OK;
}
#endif

#ifdef TEST_NO_SYMBOL
#define hashgate_plugin_get test_of_another_name
const hashgate_plugin* hashgate_plugin_get(void);
#endif

__attribute__((visibility("default"))) const hashgate_plugin* hashgate_plugin_get(void) {
  static const hashgate_plugin plugin = {
      .abi_version = TEST_ABI,
      .struct_size = TEST_STRUCT_SIZE,
      .algorithm = TEST_ALGORITHM,
      .hash_size = TEST_HASH_SIZE,
      .pixel_format = HASHGATE_PIXELS_RGB,
      .name = "test",
      .version = TEST_VERSION,
      .init = Init,
      .hash = Hash,
#ifdef TEST_TURNED
      .hash_turned = HashTurned,
#endif
  };
  return &plugin;
}
