/* An allocator that counts and fails. */
#include <lambda/testing.h>

#include <stdlib.h>

static bool fails(lambda_test_memory *memory)
{
    uint64_t request = __atomic_add_fetch(&memory->requests, 1, __ATOMIC_RELAXED);
    return memory->fail_at > 0 && (request == memory->fail_at || (memory->fail_on && request > memory->fail_at));
}

static void *allocate(void *user, size_t size)
{
    lambda_test_memory *memory = user;
    void *made = fails(memory) ? NULL : malloc(size);
    if (made) __atomic_add_fetch(&memory->live, 1, __ATOMIC_RELAXED);
    return made;
}

static void *reallocate(void *user, void *old, size_t size)
{
    lambda_test_memory *memory = user;
    void *made = fails(memory) ? NULL : realloc(old, size);
    if (made && !old) __atomic_add_fetch(&memory->live, 1, __ATOMIC_RELAXED);
    return made;
}

static void release(void *user, void *old)
{
    lambda_test_memory *memory = user;
    if (!old) return;
    __atomic_sub_fetch(&memory->live, 1, __ATOMIC_RELAXED);
    free(old);
}

lambda_allocator lambda_test_allocator(lambda_test_memory *memory)
{
    return (lambda_allocator){.allocate = memory ? allocate : NULL,
                              .reallocate = memory ? reallocate : NULL,
                              .release = memory ? release : NULL,
                              .user = memory};
}
