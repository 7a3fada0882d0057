{
  "targets": [
    {
      "target_name": "fusewire",
      "sources": ["addon.c", "args.c", "work.c", "dev.c", "mount.c", "vfs.c"],
      "defines": ["NAPI_VERSION=8", "_GNU_SOURCE"],
      "cflags": ["-std=c11", "-Wall", "-Wextra", "-Werror", "-fvisibility=hidden"],
      "cflags!": ["-Wno-unused-parameter"],
      "configurations": {
        "Release": { "cflags": ["-O2"], "cflags!": ["-O3"] }
      }
    }
  ]
}
