#!/bin/sh
# Every case is listed in meson.build:  listed.sh FOLDER NAME…
cd "$1" || exit 2
shift
for file in *.case; do
    case " $* " in
    *" ${file%.case} "*) ;;
    *) echo "$file is not listed in meson.build"; status=1 ;;
    esac
done
exit ${status:-0}
