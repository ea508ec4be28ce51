// The interface of hash plug-ins: how a library that is licensed to make a hash, such as PhotoDNA's, is
// called inside Hashgate's locked decoder workers. Pure C; nothing of Hashgate is linked. docs/plugins.md
// tells the whole story, and docs/examples/plugin/ holds a small one.
//
// A plug-in is a shared object that exports one function, `hashgate_plugin_get`. The decoder's spawner loads
// it before it serves anything: get, then `init`, then a trial of `hash`. Each picture is hashed later, in a
// process forked from the spawner, which has given up all its rights by then: a call that opens a file,
// starts a thread or a process, makes a socket or asks for memory that can be executed ends the process, and
// with it the picture's decoding. Reading memory, asking for more and computing is all that is left. Whatever
// needs more (files, tables, locale) belongs into `init`.
//
// Threads: every function is called by the process's only thread, one call at a time. A plug-in that starts a
// thread, from its constructors or from `init`, is refused.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
// NOLINTBEGIN(readability-identifier-naming): C has no namespaces.

/// Version of what follows. A plug-in of another version is refused, so that layouts never differ silently.
#define HASHGATE_PLUGIN_ABI 1u

/// The name of the one function that a plug-in exports.
#define HASHGATE_PLUGIN_SYMBOL "hashgate_plugin_get"

/// Which hash is made. The numbers are those of hashgate/hash.h; this version compares PhotoDNA.
#define HASHGATE_ALGORITHM_PHOTODNA 5u  ///< 144 bytes

/// 8-bit samples without alpha: transparent pictures come flattened. Stored samples as they are: colour
/// profiles are not applied.
#define HASHGATE_PIXELS_GREY 1u  ///< one sample a pixel: (299 R + 587 G + 114 B) / 1000, rounded
#define HASHGATE_PIXELS_RGB 2u   ///< three samples a pixel: red, green, blue

/// What `init`, `hash` and `hash_turned` return when all is well. Any other value says that it did not work.
#define HASHGATE_OK 0

/// The ways a picture can be turned, in the order of `hash_turned`: as stored; turned by 90, 180 and 270
/// degrees counter-clockwise; upside down (rows reversed); mirrored (columns reversed); transposed;
/// transposed along the other diagonal.
#define HASHGATE_TURNS 8u

/// A picture. It belongs to Hashgate and lasts for the call; copies of it must not outlast the call either.
typedef struct hashgate_picture {
  const uint8_t*
      pixels;       ///< the first row's first sample; rows from top to bottom, pixels from left to right
  size_t stride;    ///< bytes from one row's start to the next one's, at least those of a row
  uint32_t width;   ///< pixels, at least 5
  uint32_t height;  ///< pixels, at least 5
} hashgate_picture;

/// What a plug-in is. It belongs to the plug-in and stays as it is from the first `hashgate_plugin_get` on,
/// its texts and functions included. Members that are not marked optional are needed.
typedef struct hashgate_plugin {
  uint32_t abi_version;   ///< HASHGATE_PLUGIN_ABI
  uint32_t struct_size;   ///< sizeof(hashgate_plugin)
  uint32_t algorithm;     ///< HASHGATE_ALGORITHM_...
  uint32_t hash_size;     ///< bytes of a hash: what the algorithm's number says
  uint32_t pixel_format;  ///< HASHGATE_PIXELS_...: how pictures are to come
  uint32_t reserved;      ///< 0
  const char* name;       ///< who makes the hashes, 1 to 59 printable ASCII characters: "acme-photodna"
  const char*
      version;  ///< 1 to 59 such characters; others wherever any picture's hash would be another: "2.1.0"

  /// Optional. Called once, before the lock: may read files and take its time, within the 10 seconds that a
  /// decoder has to start. `config` is the text of the configuration, ended by a zero, "" where there is
  /// none; it lasts for the call. On failure a sentence of at most `error_size` bytes with its zero may be
  /// left in `error`, for the server's log: no secrets.
  int (*init)(const char* config, char* error, size_t error_size);

  /// Writes the hash of `picture`, `hash_size` bytes, to `hash`. The same pixels give the same bytes,
  /// whatever was hashed before. On failure `hash` is not looked at, and the picture counts as not compared
  /// by this algorithm.
  int (*hash)(const hashgate_picture* picture, uint8_t* hash);

  /// Optional. Writes HASHGATE_TURNS hashes one after the other, as `hash` would give them of the turned
  /// pictures, the first one of the picture as it is. Without it turned and mirrored copies are found only as
  /// far as the algorithm itself does not mind. Where it is there, `hash` is only tried and not called for
  /// pictures.
  int (*hash_turned)(const hashgate_picture* picture, uint8_t* hashes);
} hashgate_plugin;

/// What HASHGATE_PLUGIN_SYMBOL is. Never null, always the same.
typedef const hashgate_plugin* (*hashgate_plugin_function)(void);

/// To be defined by the plug-in, with default visibility.
const hashgate_plugin* hashgate_plugin_get(void);

// NOLINTEND(readability-identifier-naming)
#ifdef __cplusplus
}
#endif
