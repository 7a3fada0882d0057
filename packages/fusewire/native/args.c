/* args.c: reading arguments and making results. */
#include "fw.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool wrong(napi_env env, const char *name, const char *expected) {
  char text[160];
  snprintf(text, sizeof text, "%s: expected %s", name, expected);
  napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", text);
  return false;
}

bool fw_get_double(napi_env env, napi_value value, const char *name, double *out) {
  if (napi_get_value_double(env, value, out) == napi_ok) return true;
  return wrong(env, name, "a number");
}

bool fw_get_i64(napi_env env, napi_value value, const char *name, int64_t *out) {
  double number;
  if (napi_get_value_double(env, value, &number) == napi_ok && number == trunc(number) &&
      fabs(number) <= 9007199254740992.0) {
    *out = (int64_t)number;
    return true;
  }
  return wrong(env, name, "an integer from -2^53 to 2^53");
}

bool fw_get_i32(napi_env env, napi_value value, const char *name, int32_t *out) {
  double number;
  if (napi_get_value_double(env, value, &number) == napi_ok && number >= INT32_MIN && number <= INT32_MAX &&
      number == (int32_t)number) {
    *out = (int32_t)number;
    return true;
  }
  return wrong(env, name, "a 32-bit integer");
}

bool fw_get_u32(napi_env env, napi_value value, const char *name, uint32_t *out) {
  double number;
  if (napi_get_value_double(env, value, &number) == napi_ok && number >= 0 && number <= UINT32_MAX &&
      number == (uint32_t)number) {
    *out = (uint32_t)number;
    return true;
  }
  return wrong(env, name, "an integer from 0 to 2^32-1");
}

bool fw_get_bool(napi_env env, napi_value value, const char *name, bool *out) {
  if (napi_get_value_bool(env, value, out) == napi_ok) return true;
  return wrong(env, name, "a boolean");
}

bool fw_get_function(napi_env env, napi_value value, const char *name, napi_value *out) {
  napi_valuetype type;
  if (napi_typeof(env, value, &type) == napi_ok && type == napi_function) {
    *out = value;
    return true;
  }
  return wrong(env, name, "a function");
}

static size_t element_size(napi_typedarray_type type) {
  switch (type) {
    case napi_int16_array:
    case napi_uint16_array:
      return 2;
    case napi_int32_array:
    case napi_uint32_array:
    case napi_float32_array:
      return 4;
    case napi_float64_array:
    case napi_bigint64_array:
    case napi_biguint64_array:
      return 8;
    default:
      return 1;
  }
}

bool fw_borrow(napi_env env, napi_value value, uint8_t **data, size_t *length) {
  napi_typedarray_type type;
  void *memory = NULL;
  size_t count;
  /* Asking for the data makes V8 move a small array out of its heap, so the address stays as long as the array. */
  if (napi_get_typedarray_info(env, value, &type, &count, &memory, NULL, NULL) == napi_ok) {
    *data = memory;
    *length = memory ? count * element_size(type) : 0;
    return true;
  }
  bool is_view = false;
  if (napi_is_dataview(env, value, &is_view) == napi_ok && is_view &&
      napi_get_dataview_info(env, value, &count, &memory, NULL, NULL) == napi_ok) {
    *data = memory;
    *length = memory ? count : 0;
    return true;
  }
  return false;
}

bool fw_get_bytes(napi_env env, napi_value value, const char *name, uint8_t **data, size_t *length) {
  return fw_borrow(env, value, data, length) || wrong(env, name, "a Uint8Array");
}

bool fw_get_range(napi_env env, napi_value value, napi_value offset, napi_value length, const char *name,
                  uint8_t **data, size_t *size) {
  int64_t start, count;
  size_t all;
  if (!fw_get_bytes(env, value, name, data, &all)) return false;
  if (!fw_get_i64(env, offset, "offset", &start) || !fw_get_i64(env, length, "length", &count)) return false;
  if (start < 0 || count < 0 || (uint64_t)start > all || (uint64_t)count > all - (uint64_t)start) {
    return wrong(env, name, "offset and length inside of the array");
  }
  *data += start;
  *size = (size_t)count;
  return true;
}

static bool reserve(napi_env env, struct fw_str *out, size_t length) {
  out->length = length;
  out->chars = length < sizeof out->small ? out->small : malloc(length + 1);
  if (out->chars) return true;
  napi_throw_error(env, "ENOMEM", "out of memory");
  return false;
}

bool fw_get_str(napi_env env, napi_value value, const char *name, struct fw_str *out) {
  napi_valuetype type = napi_undefined;
  napi_typeof(env, value, &type);
  out->chars = NULL;
  size_t length;
  if (type == napi_string) {
    if (napi_get_value_string_utf8(env, value, NULL, 0, &length) != napi_ok) return false;
    if (!reserve(env, out, length)) return false;
    napi_get_value_string_utf8(env, value, out->chars, length + 1, NULL);
  } else {
    uint8_t *bytes;
    bool is_array = false;
    if (type != napi_object || napi_is_typedarray(env, value, &is_array) != napi_ok || !is_array) {
      return wrong(env, name, "a string or a Uint8Array");
    }
    if (!fw_get_bytes(env, value, name, &bytes, &length) || !reserve(env, out, length)) return false;
    if (length) memcpy(out->chars, bytes, length);
  }
  out->chars[length] = 0;
  if (memchr(out->chars, 0, length)) {
    fw_str_free(out);
    return wrong(env, name, "no NUL byte inside");
  }
  return true;
}

void fw_str_free(struct fw_str *str) {
  if (str->chars != str->small) free(str->chars);
  str->chars = NULL;
}

napi_value fw_int(napi_env env, int64_t value) {
  napi_value result = NULL;
  napi_create_int64(env, value, &result);
  return result;
}

napi_value fw_undefined(napi_env env) {
  napi_value result = NULL;
  napi_get_undefined(env, &result);
  return result;
}

napi_value fw_define(napi_env env, napi_value exports, const struct fw_function *list, size_t count) {
  for (size_t i = 0; i < count; i++) {
    napi_value function;
    if (napi_create_function(env, list[i].name, NAPI_AUTO_LENGTH, list[i].call, NULL, &function) != napi_ok ||
        napi_set_named_property(env, exports, list[i].name, function) != napi_ok) {
      return NULL;
    }
  }
  return exports;
}
