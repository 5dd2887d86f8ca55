#include "runtime/object_format.h"

#if defined(__ELF__)

#include <elf.h>
#include <string.h>

#if defined(__LP64__)
typedef Elf64_Ehdr elf_header;
typedef Elf64_Phdr elf_segment;
#define ELF_CLASS ELFCLASS64
#else
typedef Elf32_Ehdr elf_header;
typedef Elf32_Phdr elf_segment;
#define ELF_CLASS ELFCLASS32
#endif

#if defined(__x86_64__)
#define ELF_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define ELF_MACHINE EM_AARCH64
#elif defined(__arm__)
#define ELF_MACHINE EM_ARM
#elif defined(__i386__)
#define ELF_MACHINE EM_386
#elif defined(__riscv)
#define ELF_MACHINE EM_RISCV
#endif

static const char *refuse_segments(const unsigned char *data, size_t length, const elf_header *header)
{
    size_t size = (size_t)header->e_phnum * sizeof(elf_segment);
    if (header->e_phentsize != sizeof(elf_segment) || header->e_phnum == 0) return "is damaged: it has no segments";
    if (header->e_phoff > length || size > length - header->e_phoff) return "is cut short";
    for (size_t i = 0; i < header->e_phnum; i++) {
        elf_segment segment;
        memcpy(&segment, data + header->e_phoff + i * sizeof(segment), sizeof(segment));
        if (segment.p_offset > length || segment.p_filesz > length - segment.p_offset) return "is cut short";
    }
    return NULL;
}

const char *lambda__object_refuse(const void *data, size_t length)
{
    elf_header header;
    const unsigned char *bytes = data;
    if (length < SELFMAG || memcmp(bytes, ELFMAG, SELFMAG) != 0) return "is not a shared object";
    if (length < EI_NIDENT) return "is cut short";
    if (bytes[EI_CLASS] != ELF_CLASS) return "is built for another architecture (32 or 64 bits)";
    if (length < sizeof(header)) return "is cut short";
    memcpy(&header, bytes, sizeof(header));
    const unsigned one = 1;
    unsigned char little = *(const unsigned char *)&one ? ELFDATA2LSB : ELFDATA2MSB;
    if (bytes[EI_DATA] != little) return "is built for another architecture (byte order)";
#if defined(ELF_MACHINE)
    if (header.e_machine != ELF_MACHINE) return "is built for another architecture (processor)";
#endif
    if (header.e_type != ET_DYN) return "is not a shared object, but a program or an object file";
    return refuse_segments(bytes, length, &header);
}

#else

const char *lambda__object_refuse(const void *data, size_t length)
{
    (void)data;
    (void)length;
    return NULL;
}

#endif
