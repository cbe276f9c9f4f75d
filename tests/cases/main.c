/*
 * Plays a case (README.md) against the real flow, with a fake outside.
 *
 *     case FILE.case
 *
 * Exit status 0: all came as expected; 1: not; 2: the case itself is at fault.
 */
#include <stdio.h>

#include "world.h"

static void play(World *world)
{
    const GPtrArray *lines = world->script->lines;
    for (guint i = 0; i < lines->len && !world->broken; i++) {
        world->line = lines->pdata[i];
        if (!step(world, world->line) && !expectation(world, world->line))
            world_break(world, "no step and no expectation: %s", world->line->text);
    }
    if (!world->broken)
        world_check_leftovers(world);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "Usage: case FILE.case\n");
        return 2;
    }
    g_autofree char *problem = NULL;
    g_autoptr(Script) script = script_read(argv[1], &problem);
    if (!script) {
        fprintf(stderr, "%s:%s\n", argv[1], problem);
        return 2;
    }
    g_autoptr(World) world = world_new(script);
    play(world);
    return world->broken ? 2 : world->failures ? 1 : 0;
}
