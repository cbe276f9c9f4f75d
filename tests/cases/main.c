/*
 * Plays a case (README.md) against the real flow, with a fake outside.
 *
 *     case FILE.case
 *     case --wrong FILE.case     every expectation in it must fail: a test of this program
 *
 * Exit status 0: all came as expected; 1: not; 2: the case itself is at fault.
 */
#include <stdio.h>
#include <string.h>

#include "world.h"

static gboolean play_line(World *world)
{
    if (step(world, world->line) || expectation(world, world->line))
        return TRUE;
    world_break(world, "no step and no expectation: %s", world->line->text);
    return FALSE;
}

static void play(World *world)
{
    const GPtrArray *lines = world->script->lines;
    for (guint i = 0; i < lines->len && !world->broken; i++) {
        world->line = lines->pdata[i];
        play_line(world);
    }
    if (!world->broken)
        world_check_leftovers(world);
}

/* The number of expectations that came true. */
static guint play_wrong(World *world)
{
    const GPtrArray *lines = world->script->lines;
    guint met = 0;
    for (guint i = 0; i <= lines->len && !world->broken; i++) {
        guint before = world->failures;
        world->line = i < lines->len ? lines->pdata[i] : NULL;
        gboolean expects = !world->line || world->line->reply || strcmp(world->line->words[0], "expect") == 0;
        if (world->line)
            play_line(world);
        else
            world_check_leftovers(world);
        if (expects == (world->failures > before))
            continue;
        fprintf(stderr, "%s:%u: this %s\n", world->script->path, world->line ? world->line->number : 0,
                expects ? "came true" : "failed and expects nothing");
        met++;
    }
    return met;
}

int main(int argc, char **argv)
{
    gboolean wrong = argc == 3 && strcmp(argv[1], "--wrong") == 0;
    if (argc != 2 && !wrong) {
        fprintf(stderr, "Usage: case [--wrong] FILE.case\n");
        return 2;
    }
    g_autofree char *problem = NULL;
    g_autoptr(Script) script = script_read(argv[argc - 1], &problem);
    if (!script) {
        fprintf(stderr, "%s:%s\n", argv[argc - 1], problem);
        return 2;
    }
    g_autoptr(World) world = world_new(script);
    guint failures;
    if (wrong) {
        failures = play_wrong(world);
    } else {
        play(world);
        failures = world->failures;
    }
    return world->broken ? 2 : failures ? 1 : 0;
}
