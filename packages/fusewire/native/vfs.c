#include "fw.h"

napi_value fw_init_vfs(napi_env env, napi_value exports) { return fw_define(env, exports, NULL, 0); }
