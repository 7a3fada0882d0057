{
  "targets": [
    {
      "target_name": "fusewire",
      "sources": ["addon.c", "args.c", "work.c", "dev.c", "pump.c", "notifier.c", "mount.c", "mount_call.c", "vfs.c", "vfs_creds.c", "vfs_attr.c",
        "vfs_entry.c", "vfs_file.c", "vfs_async.c", "vfs_dir.c", "vfs_xattr.c", "vfs_lock.c"],
      "defines": ["NAPI_VERSION=8", "_GNU_SOURCE"],
      "cflags": ["-std=c11", "-Wall", "-Wextra", "-Werror", "-fvisibility=hidden"],
      "cflags!": ["-Wno-unused-parameter"],
      # A worker's end closes its addons, while a thread of ours may still be in a system call: stay in memory.
      "ldflags": ["-Wl,-z,nodelete"],
      "configurations": {
        "Release": { "cflags": ["-O2"], "cflags!": ["-O3"] }
      }
    }
  ]
}
