#!/bin/sh
# What the script needs of kubectl and of a server. An object is a file $STORE/RESOURCE_NAMESPACE_NAME, a line
# `POINTER VALUE` for each field. $STORE/calls gets the arguments of each call. $STORE/fail holds lines `PATTERN|MESSAGE`:
# a call that matches fails so; $STORE/kill a pattern: when such a call has done its work, everything is killed.
set -u
printf '%s\n' "$*" >>"$STORE/calls"
if [ -e "$STORE/fail" ]; then
	while IFS='|' read -r pattern message; do
		case "$*" in *$pattern*)
			printf "$message\n" >&2
			exit 1
			;;
		esac
	done <"$STORE/fail"
fi
# $STORE/fail-while holds lines `PATTERN|OBJECT|MESSAGE`: such a call fails as long as the object is there.
if [ -e "$STORE/fail-while" ]; then
	while IFS='|' read -r pattern object message; do
		case "$*" in *$pattern*)
			if [ -e "$STORE/$object" ]; then
				printf "$message\n" >&2
				exit 1
			fi
			;;
		esac
	done <"$STORE/fail-while"
fi
dry='' file='' namespace='' output='' raw='' ignore='' verb=''
first='' second=''
while [ $# -gt 0 ]; do
	case $1 in
	--dry-run=server) dry=yes ;;
	--patch-file | -f)
		file=$2
		shift
		;;
	-n)
		namespace=$2
		shift
		;;
	-o)
		output=$2
		shift
		;;
	--raw)
		raw=$2
		shift
		;;
	--context) shift ;;
	--ignore-not-found) ignore=yes ;;
	--help)
		echo '  --patch-file='
		exit 0
		;;
	--*) ;;
	*)
		if [ -z "$verb" ]; then verb=$1; elif [ -z "$first" ]; then first=$1; else second=$1; fi
		;;
	esac
	shift
done
case $raw in *'dryRun=All'*) dry=yes ;; esac
raw=${raw%%\?*}
not_found() {
	echo "Error from server (NotFound): $1 \"$2\" not found" >&2
	exit 1
}
# Sets `object` from resource, namespace, name.
object() { object=$STORE/${1%%.*}_${2}_$3; }
of_path() {
	# /api/v1/[namespaces/NS/]RESOURCE[/NAME]
	path_namespace='' rest=${raw#/api/v1/}
	rest=${rest#/apis/*/*/}
	case $rest in namespaces/*/*)
		rest=${rest#namespaces/}
		path_namespace=${rest%%/*}
		rest=${rest#*/}
		;;
	esac
}
done_or_killed() {
	if [ -e "$STORE/kill" ]; then
		pattern=$(cat "$STORE/kill")
		case "$verb $raw $first $second" in *$pattern*)
			rm "$STORE/kill"
			kill -9 0
			;;
		esac
	fi
	exit 0
}
case $verb in
get)
	case $raw in /version)
		[ -e "$STORE/version" ] || {
			echo 'The connection to the server was refused' >&2
			exit 1
		}
		exit 0
		;;
	esac
	case $first$second in services.v1.-A)
		cat "$STORE/services"
		exit 0
		;;
	esac
	object "$first" "$namespace" "$second"
	if [ ! -e "$object" ]; then
		[ -n "$ignore" ] && exit 0
		not_found "$first" "$second"
	fi
	pointer=${output#jsonpath=\{}
	pointer=$(printf '%s' "${pointer%\}}" | sed 's/\[\*\]//; s/\[\([0-9]*\)\]/.\1/g; s/\./\//g')
	awk -v at="$pointer" '{ p = $1; sub(/^[^ ]* /, ""); if (p == at) { gsub(/^"|"$/, ""); printf "%s", $0 } }' "$object"
	;;
patch)
	object "$first" "$namespace" "$second"
	[ -e "$object" ] || not_found "$first" "$second"
	text=$(cat "$file")
	made=$(printf '%s\n' "$text" | awk -v object="$object" '
		BEGIN { while ((getline line < object) > 0) { at = line; sub(/ .*/, "", at); v = line; sub(/^[^ ]* /, "", v); has[at] = v; order[++n] = at } }
		/"op":/ {
			op = $0; sub(/.*"op":"/, "", op); sub(/".*/, "", op)
			path = $0; sub(/.*"path":"/, "", path); sub(/".*/, "", path)
			v = $0; sub(/.*"value":/, "", v); sub(/}]?$/, "", v)
			if (op == "test" && ((path in has) ? has[path] : "null") != v) exit 1
			if (op == "add" || op == "replace") { if (!(path in has)) order[++n] = path; has[path] = v }
			if (op == "remove") delete has[path]
		}
		END { for (i = 1; i <= n; i++) if (order[i] in has) { print order[i] " " has[order[i]]; delete has[order[i]] } }')
	if [ $? -ne 0 ]; then
		echo 'The request is invalid: the server rejected our request due to an error in our request' >&2
		exit 1
	fi
	[ -n "$dry" ] || printf '%s\n' "$made" >"$object"
	done_or_killed
	;;
create | replace)
	text=$(cat "$file")
	if [ -n "$raw" ]; then
		of_path
		resource=${rest%%/*}
		name=$(printf '%s\n' "$text" | sed -n 's/^ *"name": "\([^"]*\)".*/\1/p' | tail -n 1)
		[ "$verb" = create ] || name=${rest#*/}
		namespace=$path_namespace
	else
		resource=$(printf '%s\n' "$text" | sed -n 's/^kind: //p' | tr 'A-Z' 'a-z')s
		name=$(printf '%s\n' "$text" | sed -n 's/^  name: //p')
		namespace=$(printf '%s\n' "$text" | sed -n 's/^  namespace: //p')
	fi
	object "$resource" "$namespace" "$name"
	if [ "$verb" = create ] && [ -e "$object" ]; then
		echo "Error from server (AlreadyExists): $resource \"$name\" already exists" >&2
		exit 1
	fi
	if [ -n "$namespace" ] && [ ! -e "$STORE/namespaces__$namespace" ]; then
		not_found namespaces "$namespace"
	fi
	if [ -z "$dry" ]; then
		{
			printf '/metadata/uid "new-%s"\n' "$name"
			printf '%s\n' "$text" | sed -n 's/^ *"*ownerReferences"*: /\/metadata\/ownerReferences /p'
		} >"$object"
	fi
	done_or_killed
	;;
delete)
	of_path
	object "${rest%%/*}" "$path_namespace" "${rest#*/}"
	body=$(cat)
	printf '%s\n' "$body" >>"$STORE/bodies"
	[ -e "$object" ] || not_found "${rest%%/*}" "${rest#*/}"
	uid=$(sed -n 's/^\/metadata\/uid "\(.*\)"$/\1/p' "$object")
	case $body in
	*'"uid":"'"$uid"'"'*) ;;
	*)
		echo "Error from server (Conflict): the UID in the precondition does not match the UID in record ($uid)" >&2
		exit 1
		;;
	esac
	case $body in *dryRun*) exit 0 ;; esac
	grep -q finalizers "$object" || rm "$object"
	done_or_killed
	;;
esac
