/* What misuse_test.c and busy_test.c know about the C API: every function with
 * its parameters, and every type of handle. tests/tools/make_misuse_calls.py
 * writes the tables from the headers, so a function that is added is in them.
 * What arguments are good is said in misuse_fixtures.c and misuse_handles.c. */
#ifndef NATKIT_TESTS_C_MISUSE_H_
#define NATKIT_TESTS_C_MISUSE_H_

#include <stddef.h>
#include <stdint.h>

#include "natkit/natkit.h"

enum { kMaxParams = 12, kNone = -1 };

/* What a call may return, besides a certain natkit_code: 0 or more; or that,
 * or any code that the header names. */
enum { kSuccess = 1, kDocumented = 2 };

union misuse_value {
  void* pointer;
  uint64_t number;
  natkit_misuse_hook hook;
};

enum misuse_class {
  kHandle,  /* `kind` */
  kIn,      /* memory that natkit reads */
  kText,    /* as kIn, ends with a zero byte */
  kOut,     /* memory that natkit fills */
  kInOut,   /* both */
  kNumber,  /* of `bytes` bytes */
  kLength,  /* how many elements parameter `of` has */
  kTime,    /* nanoseconds */
  kCallback /* a natkit_misuse_hook */
};

enum misuse_field_class {
  kStructSize,
  kReserved,  /* has to be zero */
  kEnum,      /* has few values, or few bits */
  kDuration,  /* nanoseconds; not all are times */
  kScalar,    /* any number */
  kCount,     /* how many items the pointer beside it has */
  kUnbounded, /* the same, without a bound that natkit could check */
  kAddress,   /* a natkit_address */
  kBytes,     /* an array */
  kTextField, /* a pointer to a text */
  kItems,     /* a pointer to items that are counted */
  kPointer,   /* another pointer */
  kFunction   /* a pointer to a function */
};

struct misuse_field {
  const char* name;
  enum misuse_field_class field_class;
  long through; /* where in the parameter is the pointer that leads to the
                   structure of the field; kNone: the field is in it */
  size_t offset;
  size_t size;
  int is_lenient; /* an odd value is not refused, as the generator says */
};

struct misuse_param {
  const char* name;
  enum misuse_class param_class;
  int kind;            /* kHandle, and kOut for one: index in misuse_kinds */
  void* (*make)(void); /* kHandle: makes it, if any of its kind will not do */
  size_t bytes;        /* kNumber: of it; memory: of one element */
  size_t count;        /* memory without `fill`: elements */
  uint64_t value;      /* kNumber: a good one */
  const char* text;    /* kText: a good one */
  /* Memory: writes good elements to `out`, returns how many. */
  size_t (*fill)(void* out);
  int of;       /* kLength: the parameter with the elements */
  int is_const; /* a handle of a function that only asks */
  int is_sized; /* begins with struct_size */
  size_t first; /* the size of the first version of it */
  int may_be_null;
  int is_changed; /* also by calls that are refused, as the header says */
  uint64_t limit; /* kLength: more is refused, whatever is there; 0: no such */
  int beyond_limit; /* by this code, or kDocumented */
  const struct misuse_field* fields;
  size_t field_count;
};

enum misuse_result { kCode, kVoid, kString, kMaybeString, kU64 };

struct misuse_function {
  const char* name;
  /* 1 for a string, 0 for none, 0 for a function without a result. */
  long long (*call)(const union misuse_value* values);
  enum misuse_result result;
  const struct misuse_param* params;
  size_t param_count;
  const int* codes; /* what its documentation says that it may return */
  size_t code_count;
  int expected;          /* with good arguments: a code, or kSuccess */
  void (*prepare)(void); /* before each call, or NULL */
};

struct misuse_kind {
  const char* name;
  void* (*make)(void);
  void (*free)(void* handle);
};

extern const struct misuse_function misuse_functions[];
extern const size_t misuse_function_count;
extern const struct misuse_kind misuse_kinds[];
extern const size_t misuse_kind_count;

/* misuse_places.c: memory that ends where a page begins that may not be
 * touched, and begins with bytes that have to stay. */

/* A place of its own for each number below kPlaces. */
enum {
  kBanks = 6,
  kPlaces = 48,
  kPlaceSize = 0x14000,
  kFirstExtra = kMaxParams
};

/* `size` bytes of zeros at the end of place `index`. */
void* Place(int index, size_t size);
/* Memory that arguments point to, until NoExtras(). */
void* Extra(size_t size);
void* ExtraCopy(const void* data, size_t size);
void NoExtras(void);
/* Whether nothing before what Place() and Extra() gave was written to. */
int PlacesAreIntact(void);
/* There are kBanks of each place: which one this thread means. */
void UseBank(int bank);

struct misuse_range {
  uint8_t* begin;
  size_t size;
};

/* A place that nobody may touch until Allow(), which a handler of signals may
 * call. */
struct misuse_range Forbid(int index);
int Allow(struct misuse_range range);

/* misuse_handles.c */

/* The handle of a kind that calls are given; made on the first need. */
void* Live(int kind);
/* Has FreshHandles() free one, too. */
void* Adopt(int kind, void* handle);
/* Frees all; the next ones are as new. */
void FreshHandles(void);
/* By the name of its type. */
int KindOf(const char* name);
/* The same bytes in each run; calls `when_called_back` first. */
extern void (*when_called_back)(void);
void FillRepeatably(void* context, uint8_t* out, size_t size);
natkit_address At(const char* text);

const char* ChainPem(void);
const char* KeyPem(void);

/* misuse_fixtures.c and misuse_structs.c: good arguments that are memory. Each
 * Fill… writes elements to `out` and returns how many; what they point to is in
 * Extra() memory. The table refers to those that are not declared here. */

size_t FillKey(void* out);
size_t FillIpPacket(void* out);
size_t FillSignedMessage(void* out);
natkit_stun_key StunKey(void);

/* misuse_call.c */

struct misuse_call {
  union misuse_value values[kMaxParams];
  size_t bytes[kMaxParams]; /* of memory */
};

/* The arguments of the next call, for each thread its own; threads that run at
 * the same time use banks of their own. */
extern _Thread_local struct misuse_call call;
/* SetArguments() makes no handles: the thread's owner puts them in. */
extern _Thread_local int handles_are_given;
extern long misuse_calls;
extern int misuse_failures;

int IsMemory(const struct misuse_param* param);
/* Puts `bytes` bytes into the place of a parameter, and makes it one. */
void PlaceMemory(int index, const void* from, size_t bytes);
/* Makes all arguments good ones. */
void SetArguments(const struct misuse_function* function);
/* That, and brings the handles into the state that the function is for. */
void SetUp(const struct misuse_function* function);
/* FreshHandles(), also of those that were made for single parameters. */
void Fresh(void);
/* Whether the first parameter is a handle of a kind. */
int IsOn(const struct misuse_function* function, int kind);
/* Frees the handle that a call has made, if it made one, after `use`, which may
 * be NULL. */
void FreeWhatWasMade(const struct misuse_function* function,
                     void (*use)(int kind, void* handle));
/* misuse_exercise.c: has a handle live a while, for it may have been made with
 * odd values; every call has to be as its header says. */
void Exercise(int kind, void* handle);
/* Whether the header says that a function may return this. */
int IsDocumented(const struct misuse_function* function, long long code);
/* Says what the next call is, for who reads about a failure. */
void Label(const struct misuse_function* function, const char* param,
           const char* what);
const char* CurrentCall(void);
void Complain(const char* what, long long is, long long expected);
/* Calls; `expected` is a code, kSuccess or kDocumented. Returns what the
 * function did; for one without a result, what it told the hook. */
long long Call(const struct misuse_function* function, int expected);

/* misuse_fields.c: a parameter that is a structure, with all else good. */

/* Of other versions, and of sizes that no version has. */
void StructSizes(const struct misuse_function* function, size_t index);
/* With each of its fields out of its range. */
void Fields(const struct misuse_function* function, size_t index);

/* A text that is longer than any bound. */
enum { kLongText = 60000 };

#endif
