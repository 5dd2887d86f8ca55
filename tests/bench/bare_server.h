/*
 * The yardstick of processes: the least that can answer a runtime's `next` and take its `response`. One thread, one epoll descriptor, one request at a time, no look at what a request says but its
 * method and the length of its body.
 */
#ifndef LAMBDA_TESTS_BARE_SERVER_H
#define LAMBDA_TESTS_BARE_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct bare_server {
    char address[32]; /* AWS_LAMBDA_RUNTIME_API */
    int listener;
    int epoll;
    int connection; /* the last one; -1: none */
    int waiting;    /* the one of a `next` that is not answered; -1: none */
    pid_t child;    /* 0: none */
    uint64_t asked; /* invocations handed out */
    size_t held;    /* bytes in `buffer` */
    char buffer[256 * 1024];
} bare_server;

/** Ends the program where it cannot listen. */
void bare_server_open(bare_server *server);
/** Kills the child. */
void bare_server_close(bare_server *server);

/**
 * Starts a program, with `environment` and AWS_LAMBDA_RUNTIME_API and nothing else in its environment, and as child of new namespaces where `clone_flags` says so; without a copy of this process's memory.
 * NULL-terminated both. Ends this program where it cannot be started.
 */
void bare_server_start(bare_server *server, const char *const *arguments, const char *const *environment,
                       int clone_flags);
/** Kills it and waits for its end. */
void bare_server_stop(bare_server *server);

/** Takes what comes until `next` was asked. False: the program has hung up. */
bool bare_server_ready(bare_server *server);
/** Answers `next`, takes the response, and then waits for the following `next`. False: the program has hung up, or something else came. */
bool bare_server_round_trip(bare_server *server, const void *payload, size_t length);
/** The same, but it returns at the response, as one does who measures a cold start. */
bool bare_server_first(bare_server *server, const void *payload, size_t length);

#endif
