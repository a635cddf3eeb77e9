# More for what `objects` prints: Events of both groups, classes of which one is the default, cells with line breaks. Run as
# `sh shown.sh` after build.sh.
set -eu
kubectl create -f shown.yaml
