#include "faulty_vfs.h"

#include <stdatomic.h>
#include <string.h>

#include <sqlite3.h>

faulty_disk faulty;

/** A file of it: SQLite's own follows in the same block. */
typedef struct faulty_file {
    sqlite3_file base;
    sqlite3_file *real;
} faulty_file;

static sqlite3_file *real_of(sqlite3_file *file)
{
    return ((faulty_file *)file)->real;
}

/** Counts a change; true if it is to fail. */
static bool strikes(void)
{
    long change = atomic_fetch_add(&faulty.changes, 1) + 1;
    long at = atomic_load(&faulty.fail_at);
    long many = atomic_load(&faulty.fail_many);
    if (at == 0 || change < at || change >= at + (many ? many : 1)) return false;
    atomic_fetch_add(&faulty.failures, 1);
    return true;
}

static int faulty_close(sqlite3_file *file)
{
    return real_of(file)->pMethods->xClose(real_of(file));
}

static int faulty_read(sqlite3_file *file, void *data, int length, sqlite3_int64 offset)
{
    return real_of(file)->pMethods->xRead(real_of(file), data, length, offset);
}

static int faulty_write(sqlite3_file *file, const void *data, int length, sqlite3_int64 offset)
{
    if (strikes()) {
        /* The first half arrives: what a disk may do. */
        real_of(file)->pMethods->xWrite(real_of(file), data, length / 2, offset);
        return SQLITE_IOERR_WRITE;
    }
    int64_t room = atomic_load(&faulty.room);
    if (room && offset + length > room) {
        atomic_fetch_add(&faulty.failures, 1);
        return SQLITE_FULL;
    }
    return real_of(file)->pMethods->xWrite(real_of(file), data, length, offset);
}

static int faulty_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    if (strikes()) return SQLITE_IOERR_TRUNCATE;
    return real_of(file)->pMethods->xTruncate(real_of(file), size);
}

static int faulty_sync(sqlite3_file *file, int flags)
{
    (void)flags;
    /* The tests outlive no loss of power, so the real disk need not be waited for. */
    (void)file;
    atomic_fetch_add(&faulty.syncs, 1);
    return strikes() ? SQLITE_IOERR_FSYNC : SQLITE_OK;
}

static int faulty_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return real_of(file)->pMethods->xFileSize(real_of(file), size);
}

static int faulty_lock(sqlite3_file *file, int lock)
{
    return real_of(file)->pMethods->xLock(real_of(file), lock);
}

static int faulty_unlock(sqlite3_file *file, int lock)
{
    return real_of(file)->pMethods->xUnlock(real_of(file), lock);
}

static int faulty_reserved(sqlite3_file *file, int *reserved)
{
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), reserved);
}

static int faulty_control(sqlite3_file *file, int operation, void *argument)
{
    return real_of(file)->pMethods->xFileControl(real_of(file), operation, argument);
}

static int faulty_sector(sqlite3_file *file)
{
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int faulty_device(sqlite3_file *file)
{
    return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

/* Version 1: without shared memory, so that a log works only for a file that one process has for itself. */
static const sqlite3_io_methods methods = {.iVersion = 1,
                                           .xClose = faulty_close,
                                           .xRead = faulty_read,
                                           .xWrite = faulty_write,
                                           .xTruncate = faulty_truncate,
                                           .xSync = faulty_sync,
                                           .xFileSize = faulty_size,
                                           .xLock = faulty_lock,
                                           .xUnlock = faulty_unlock,
                                           .xCheckReservedLock = faulty_reserved,
                                           .xFileControl = faulty_control,
                                           .xSectorSize = faulty_sector,
                                           .xDeviceCharacteristics = faulty_device};

static sqlite3_vfs *real_vfs;
static sqlite3_vfs vfs;

static int faulty_open(sqlite3_vfs *self, const char *name, sqlite3_file *file, int flags, int *out)
{
    (void)self;
    faulty_file *opened = (faulty_file *)file;
    opened->base.pMethods = NULL;
    if (atomic_load(&faulty.read_only) && (flags & SQLITE_OPEN_READWRITE)) {
        if (!(flags & SQLITE_OPEN_MAIN_DB)) return SQLITE_CANTOPEN;
        flags = (flags & ~(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)) | SQLITE_OPEN_READONLY;
    }
    opened->real = (sqlite3_file *)(opened + 1);
    int result = real_vfs->xOpen(real_vfs, name, opened->real, flags, out);
    if (opened->real->pMethods) opened->base.pMethods = &methods;
    return result;
}

void faulty_reset(void)
{
    if (!real_vfs) {
        real_vfs = sqlite3_vfs_find(NULL);
        vfs = *real_vfs;
        vfs.zName = FAULTY_VFS;
        vfs.pNext = NULL;
        vfs.szOsFile = (int)sizeof(faulty_file) + real_vfs->szOsFile;
        vfs.xOpen = faulty_open;
        sqlite3_vfs_register(&vfs, 0);
    }
    atomic_store(&faulty.changes, 0);
    atomic_store(&faulty.syncs, 0);
    atomic_store(&faulty.failures, 0);
    atomic_store(&faulty.fail_at, 0);
    atomic_store(&faulty.fail_many, 0);
    atomic_store(&faulty.room, 0);
    atomic_store(&faulty.read_only, false);
}

void faulty_arm(long count, long many)
{
    atomic_store(&faulty.failures, 0);
    atomic_store(&faulty.fail_many, many);
    atomic_store(&faulty.fail_at, atomic_load(&faulty.changes) + count);
}
