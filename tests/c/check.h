/* What tests in C share: CHECK ends the program, RUN names a test. */
#ifndef NATKIT_TESTS_C_CHECK_H_
#define NATKIT_TESTS_C_CHECK_H_

#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition)                                                \
  do {                                                                  \
    if (!(condition)) {                                                 \
      fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, \
              #condition);                                              \
      exit(1);                                                          \
    }                                                                   \
  } while (0)

/* Both sides are converted to long long; what they are is printed. */
#define CHECK_EQ(a, b)                                                        \
  do {                                                                        \
    const long long check_a = (long long)(a);                                 \
    const long long check_b = (long long)(b);                                 \
    if (check_a != check_b) {                                                 \
      fprintf(stderr, "%s:%d: %s is %lld, not %s, which is %lld\n", __FILE__, \
              __LINE__, #a, check_a, #b, check_b);                            \
      exit(1);                                                                \
    }                                                                         \
  } while (0)

#define RUN(test)          \
  do {                     \
    printf("%s\n", #test); \
    fflush(stdout);        \
    test();                \
  } while (0)

#endif
