#!/bin/sh
# Takes the steps below in a cluster, one after the other. POSIX sh; needs kubectl and nothing else.
#
#   sh apply.sh --dry-run     ask the server what it thinks of each step; nothing is changed
#   sh apply.sh               take the steps; run it again to go on where it stopped
#   sh apply.sh --help        everything else
#
# What is done is marked in state/ beside this script.

set -uf
# Otherwise ksh93 makes sockets of pipes, and a patch cannot be read from /dev/stdin.
# shellcheck disable=SC3040
if (set -o posix) 2>/dev/null; then set -o posix; fi
IFS=' 	
'
KUBECTL=${KUBECTL:-kubectl}
LC_ALL=C
export LC_ALL

usage() {
	cat <<'END'
sh apply.sh [--dry-run] [--delete N[,N]]... [--create N[,N]]... [--wait SECONDS]

  --dry-run         check each step by itself with a dry run on the server; change nothing
  --delete N        also take step N, which deletes what holds data or other objects
  --create N        also take step N, which creates what does work or claims a disk (Job, volume, claim)
  --wait SECONDS    how long to wait for an object to go before it is created again, and for a
                    definition to be established (60)

KUBECTL is the command to run, with arguments if need be: KUBECTL='kubectl --context x'.

Steps that are done are marked in state/, and are not taken again. A step that fails is told with
its reason; the rest goes on, except what needs it.

Exit status: 0 everything is done; 1 something remains; 2 it could not begin or go on: no kubectl,
no server, a wrong option, state/ cannot be written; 130 interrupted.
END
}

# ---- what is told

# Nothing that comes from elsewhere reaches the terminal as it is.
plain() { tr -c '\012\040-\176' '?'; }

say() { printf '%s\n' "$1" | plain; }

# Details of a step, indented.
detail() { printf '%s\n' "$1" | plain | awk 'length($0) > 600 { $0 = substr($0, 1, 600) "..." } NF { print "      " $0 } NR > 12 { exit }'; }

tell() { say "$label $(printf '%-13s' "$1") $shown${namespace:+ -n $namespace}"; }

die() {
	printf 'apply.sh: %s\n' "$1" | plain >&2
	ending=told
	exit 2
}

interrupted() {
	say "interrupted${label:+ in step $label}; run it again to go on"
	ending=told
	exit 130
}

ended() {
	status=$?
	trap - EXIT
	[ -z "$locked" ] || rm -f "$state/running"
	if [ -z "$ending" ]; then
		printf 'apply.sh: it ended before its last line: this file is cut short\n' >&2
		exit 2
	fi
	exit "$status"
}

# ---- kubectl

# Runs kubectl; `said` is what it had to say on standard error.
call() {
	said=$($KUBECTL "$@" --request-timeout=60s 2>&1 >/dev/null </dev/null)
}

# The same with standard input for it in the first argument.
feed() {
	input=$1
	shift
	said=$(printf '%s\n' "$input" | $KUBECTL "$@" --request-timeout=60s 2>&1 >/dev/null)
}

# Runs kubectl; `got` is its standard output.
fetch() {
	if got=$($KUBECTL "$@" --request-timeout=60s 2>/dev/null </dev/null); then
		return 0
	fi
	got=
	call "$@"
}

# One field of the object of this step; nothing if there is no such object.
field() {
	fetch get "$resource" "$name" ${namespace:+-n "$namespace"} --ignore-not-found -o "jsonpath={$1}"
}

says() { case $said in *"$1"*) return 0 ;; *) return 1 ;; esac; }

# True when the last call was answered by a server, so that it is known what became of it.
is_answered() {
	says 'Timeout' || says 'timeout' || says 'timed out' && return 1
	says 'Error from server' || says 'is invalid' || says 'error validating' || says 'no matches for kind'
}

# True when what refused the last call is one of those that come before all steps, and may be in the way a moment
# longer though it is gone.
is_gated() {
	says 'failed calling webhook' || says 'denied the request' || says 'denied request' || says 'exceeded quota'
}

# True when the last call failed for what other steps may take away or bring: room, addresses, classes, rights, what
# refuses others or answers for it.
is_for_others() {
	[ "$total" -gt 1 ] || return 1
	is_gated ||
		says 'already allocated' || says 'does not match the current range' || says 'not in the valid range' ||
		says 'Only one default can exist' || says 'no PriorityClass with name' ||
		{ says 'RuntimeClass' && says 'not found'; } ||
		says 'is being terminated' || says 'object is being deleted' || says '(Conflict)' ||
		says 'error looking up service account' || says 'is forbidden: User ' ||
		says 'no matches for kind' || says 'could not find the requested resource' || says "have a resource type"
}

# True when a dry run fails for something that another step would take away or bring.
is_in_the_way() {
	if is_gated && ! says 'exceeded quota'; then
		[ -n "$gates" ]
	else
		is_for_others
	fi
}

# True when the last call failed for something that is only a moment away.
is_early() {
	if says 'exceeded quota'; then
		# What is used is counted again a moment after something went.
		[ -n "$gates_gone" ] || [ -n "$last" ]
	elif is_gated; then
		[ -n "$gates_gone" ]
	elif says 'no matches for kind' || says 'could not find the requested resource' || says 'error looking up service account' ||
		says 'does not match the current range' || says 'not in the valid range'; then
		[ -n "$created" ]
	else
		return 1
	fi
}

# Waits a second before the same call is made once more, as long as there is patience left.
is_worth_another() {
	[ -z "$dry" ] && is_early && [ "$patience" -gt 0 ] || return 1
	patience=$((patience - 1))
	sleep 1
}

# ---- marks

is_done() { [ -e "$state/$1.done" ]; }

mark() {
	[ -n "$dry" ] && return 0
	{ mkdir -p "$state" && printf '%s\n' "${2:-}" >"$state/$number.$1"; } 2>/dev/null ||
		die "cannot write $state/$number.$1"
}

# Notes that this run is at work; another one would take the same steps.
lock() {
	running=$state/running
	if ! (set -C && printf '%s\n' "$$" >"$running") 2>/dev/null; then
		other=$(cat "$running" 2>/dev/null) || :
		case $other in
		'' | *[!0-9]*) ;;
		*) kill -0 "$other" 2>/dev/null &&
			die "process $other is taking these steps; if it is something else, delete $running" ;;
		esac
		{ printf '%s\n' "$$" >"$running"; } 2>/dev/null ||
			die "cannot write $running: copy the whole folder to a place that you can write, and run it there"
	fi
	locked=yes
}

unmark() { rm -f "$state/$number.begun"; }

begun() {
	if [ -e "$state/$number.begun" ]; then
		cat "$state/$number.begun"
	fi
}

# ---- how a step ends

done_with() {
	if [ -n "$dry" ]; then
		tell "would be $1"
		count_checked=$((count_checked + 1))
		return
	fi
	mark 'done'
	unmark
	tell "$1"
	count_done=$((count_done + 1))
	[ -n "$gate" ] && gates_gone=yes
	[ "$verb" = create ] && created=yes
	return 0
}

# Finds which Service has an address or a port: `holder`, nothing if none has, and `holder_uid`.
find_holder() {
	fetch get services.v1. -A -o 'jsonpath={range .items[*]}{.metadata.namespace}/{.metadata.name} {.metadata.uid} {.spec.clusterIPs[*]} {.spec.ports[*].nodePort} {.spec.healthCheckNodePort}{"\n"}{end}' || return 1
	holder=$(printf '%s\n' "$got" | awk -v held="$1" '{ for (i = 3; i <= NF; i++) if ($i == held) { print $1 " " $2; exit } }')
	holder_uid=${holder##* }
	holder=${holder%% *}
}

# Finds an address that the object is to have and that a Service has which no step deletes; false if there is one, or
# if that cannot be determined.
addresses_are_free() {
	for held in $addresses; do
		find_holder "$held" || {
			why="not deleted: whether $held is free cannot be determined:
$said"
			return 1
		}
		if [ -z "$holder" ] || [ "$holder_uid" = "$uid" ]; then
			continue
		fi
		among "$holder_uid" "$deleted" && continue
		why="not deleted: $held, which it had in the snapshot, belongs to Service $holder now; free it there, or take clusterIP and clusterIPs out of $file, and run this again"
		return 1
	done
}

# Which Service has the address or the port that the last call asked for.
tell_holder() {
	says ' is already allocated' || return 0
	held=${said%%: provided *}
	held=${held##* }
	find_holder "$held" || return 0
	[ -n "$holder" ] || return 0
	detail "$held belongs to Service $holder now; free it there, or take it out of $file, and run this again"
}

# What is to be done before a version can be taken out of a definition.
tell_stored() {
	says 'was previously a storage version' || return 0
	detail "objects may be stored in the version that is to go, and nobody could read them then: mark another one with 'storage: true', keep this one,
write each object once more (kubectl get | kubectl replace), take the version out of status.storedVersions (kubectl patch --subresource=status),
save a new snapshot, and compare again"
}

not_done() {
	tell "$1"
	detail "$2"
	remaining="$remaining $number"
}

refused() {
	if [ -n "$dry" ] && is_in_the_way; then
		not_checkable "it is refused for what another step takes away or brings:
$said"
		return
	fi
	not_done REFUSED "$1"
	count_refused=$((count_refused + 1))
}

failed() {
	if [ -n "$dry" ] && is_in_the_way; then
		refused "$1"
		return
	fi
	if [ -z "$dry$last" ] && is_for_others; then
		put_off "$1"
		return
	fi
	not_done FAILED "$1"
	tell_holder
	tell_stored
	count_failed=$((count_failed + 1))
}

# The step is tried once more when all others were.
put_off() {
	later="$later $number"
	[ "$pass" = 1 ] || return 0
	tell 'put off'
	detail "$1"
}

not_checkable() {
	tell 'not checkable'
	detail "$1"
	count_unchecked=$((count_unchecked + 1))
}

# ---- owners

# owner RESOURCE NAME REFERENCE: the next step's object has an owner; REFERENCE is what is to be written, without
# its end and the uid, which is looked up.
owner() {
	owners="$owners$1 $2 $3
"
}

# Looks the owners up; `references` gets a line for each that is there.
find_owners() {
	references=
	dropped=
	[ -n "$owners" ] || return 0
	rest=$owners
	while [ -n "$rest" ]; do
		line=${rest%%
*}
		rest=${rest#*
}
		owner_resource=${line%% *}
		line=${line#* }
		owner_name=${line%% *}
		reference=${line#* }
		if ! fetch get "$owner_resource" "$owner_name" ${namespace:+-n "$namespace"} --ignore-not-found -o 'jsonpath={.metadata.uid}' &&
			! says "have a resource type" && ! says 'could not find the requested resource'; then
			return 1
		fi
		case $got in
		'') dropped="$dropped
its owner $owner_resource $owner_name is not there: created without that reference" ;;
		*[!0-9A-Za-z_.-]*) dropped="$dropped
its owner $owner_resource $owner_name has an odd uid: created without that reference" ;;
		*) references="$references$reference,\"uid\":\"$got\"}
" ;;
		esac
	done
	return 0
}

# The manifest of the step, with the owners that were found.
manifest() {
	REFERENCES=$references awk '
		{ print }
		!seen && ($0 == "metadata:" || $0 == "    \"metadata\": {") {
			seen = 1
			n = split(ENVIRON["REFERENCES"], line, "\n")
			list = ""
			for (i = 1; i <= n; i++) if (line[i] != "") list = list (list == "" ? "" : ",") line[i]
			if (list != "" && $0 == "metadata:") print "  ownerReferences: [" list "]"
			else if (list != "") print "        \"ownerReferences\": [" list "],"
		}
		END { exit !seen }' "$dir/$file"
}

# The patch of the step, with the owners that were found.
patch_with_owners() {
	REFERENCES=$references awk '
		NR > 1 { print held }
		{ held = $0 }
		END {
			n = split(ENVIRON["REFERENCES"], line, "\n")
			for (i = 1; i <= n; i++) if (line[i] != "")
				print ",{\"op\":\"add\",\"path\":\"/metadata/ownerReferences/-\",\"value\":" line[i] "}"
			print held
		}' "$dir/$file"
}

# ---- the verbs

# apply_patch FILE OPTION...
apply_patch() {
	patch_file=$1
	shift
	call patch "$resource" "$name" ${namespace:+-n "$namespace"} --type=json --patch-file "$patch_file" "$@"
}

send_patch() {
	if [ -z "$owners" ]; then
		apply_patch "$dir/$file" ${dry:+"$dry"}
		return
	fi
	feed "$(patch_with_owners)" patch "$resource" "$name" ${namespace:+-n "$namespace"} --type=json --patch-file /dev/stdin ${dry:+"$dry"}
}

# True when the server says that a test of the patch did not hold, or that there was nothing at a path.
is_test_failed() { says 'rejected our request due to an error in our request' || says 'test failed' || says 'missing path'; }

# Which tests of the patch do not hold, and what is there instead.
explain() {
	grep '"op":"test"' "$dir/$file" | head -n 40 | sed 's/^,//' | while IFS= read -r test; do
		feed "[$test]" patch "$resource" "$name" ${namespace:+-n "$namespace"} --type=json --patch-file /dev/stdin --dry-run=server && continue
		is_test_failed || continue
		at=${test#*\"path\":\"}
		at=${at%%\"*}
		if [ "$at" = /metadata/uid ]; then
			printf 'it is another object than the one in the snapshot: deleted and created again since\n'
			break
		fi
		if [ -n "$secret" ]; then
			printf '%s is not what it was in the snapshot\n' "$at"
			continue
		fi
		was=${test#*\"value\":}
		was=${was%?}
		case $at in
		*[!A-Za-z0-9_./~-]*) now='something else' ;;
		*)
			field "$(printf '%s\n' "$at" | awk -F/ '{
				out = ""
				for (i = 2; i <= NF; i++) {
					key = $i
					gsub(/~1/, "/", key); gsub(/~0/, "~", key); gsub(/\./, "\\.", key)
					out = out (key ~ /^[0-9]+$/ ? "[" key "]" : "." key)
				}
				print out
			}')"
			now=${got:-nothing}
			;;
		esac
		printf '%s\n' "$at" "  in the snapshot: $(printf '%s' "$was" | cut -c 1-200)" "  now: $(printf '%s' "$now" | tr '\n' ' ' | cut -c 1-200)"
	done
}

patch_step() {
	if [ -z "$has_patch_file" ]; then
		$KUBECTL patch --help 2>/dev/null </dev/null | grep -q -e '--patch-file' ||
			die 'kubectl patch has no --patch-file: kubectl 1.20 or newer is needed'
		has_patch_file=yes
	fi
	if ! find_owners; then
		failed "its owners cannot be looked up:
$said"
		return
	fi
	until send_patch; do
		is_worth_another && continue
		first_said=$said
		# A run that was interrupted may have done it.
		if apply_patch "$dir/${file%.json}.after.json" --dry-run=server; then
			done_with 'already so'
			return
		fi
		said=$first_said
		if is_test_failed; then
			refused "it is not as it was in the snapshot any more; kept as it is:
$(explain)"
		elif is_gone && [ -n "$again" ]; then
			done_with 'already gone'
			detail "step $again creates it"
		elif is_gone; then
			refused 'it is not there any more'
		else
			failed "$said"
		fi
		return
	done
	done_with patched
	[ -n "$dropped" ] && detail "$dropped"
	return 0
}

# What is JSON is sent as it is: otherwise kubectl would rewrite what `kubectl apply` compares with.
send_manifest() {
	case $file in
	*.json) set -- create --raw "${path%/*}?fieldValidation=Strict${dry:+&dryRun=All}" ;;
	*) set -- create ${dry:+"$dry"} ;;
	esac
	if [ -n "$references" ]; then
		made=$(manifest) || {
			said="$file has no place for its owners"
			return 1
		}
		feed "$made" "$@" -f -
	else
		call "$@" -f "$dir/$file"
	fi
}

# Creates the object; the first argument tells whether it may be there from an earlier try.
create() {
	if ! find_owners; then
		failed "its owners cannot be looked up:
$said"
		return 1
	fi
	mark begun creating
	until send_manifest; do
		if says 'object is being deleted'; then
			unmark
			failed 'an object of that name is being deleted; run this again when it is gone'
			return 1
		fi
		if says '(AlreadyExists)'; then
			if [ "$1" = yes ]; then
				break
			fi
			unmark
			if [ -n "$either" ]; then
				done_with 'there already'
				detail 'kept as it is'
				return 1
			fi
			refused 'it exists: made after the snapshot; kept as it is'
			return 1
		fi
		is_worth_another && continue
		is_answered && unmark
		failed "$said"
		return 1
	done
	return 0
}

# Waits until the definition that was created is served.
wait_established() {
	[ -n "$dry" ] && return 0
	waited=0
	while :; do
		field '.status.conditions[?(@.type=="Established")].status'
		[ "$got" = True ] && return 0
		[ "$waited" -lt "$limit" ] || return 1
		waited=$((waited + 1))
		sleep 1
	done
}

create_step() {
	was_begun=no
	[ -n "$(begun)" ] && was_begun=yes
	create "$was_begun" || return 0
	if [ -n "$established" ] && ! wait_established; then
		said=
		failed "created, but not established after $limit seconds: $(
			field '.status.conditions[*].message'
			printf '%s' "$got"
		)"
		return
	fi
	done_with created
	[ -n "$dropped" ] && detail "$dropped"
	return 0
}

# Deletes the object if it is the one of the snapshot.
delete() {
	body="{\"kind\":\"DeleteOptions\",\"apiVersion\":\"v1\",\"preconditions\":{\"uid\":\"$uid\"},\"propagationPolicy\":\"$policy\""
	[ -n "$dry" ] && body="$body,\"dryRun\":[\"All\"]"
	asked_again=
	until feed "$body}" delete --raw "$path" -f -; do
		is_worth_another && continue
		if [ -z "$asked_again" ] && says 'could not find the requested resource' && find_path; then
			asked_again=yes
			continue
		fi
		return 1
	done
}

# Finds the path beneath which the object is served, if not in the version in which it is stored.
find_path() {
	kind=${resource#*.}
	kind=${resource%%.*}.${kind#*.}
	first_said=$said
	if ! fetch get "$kind" "$name" ${namespace:+-n "$namespace"} --ignore-not-found -o 'jsonpath={.apiVersion}'; then
		said=$first_said
		return 1
	fi
	case $got in
	'')
		said='(NotFound)'
		return 1
		;;
	*/*) path=/apis/$got/${path#/apis/*/*/} ;;
	*) return 1 ;;
	esac
}

is_other() { says '(Conflict)' || says 'Precondition failed' || says 'the UID in the precondition'; }

# True when the server knows the kind and does not have the object.
is_gone() { says '(NotFound)' && ! says 'could not find the requested resource'; }

# The finalizers that keep the deleted object, but for those of the deletion itself.
held_by() {
	field .metadata.uid && [ "$got" = "$uid" ] || return 1
	field '.metadata.finalizers[*]'
	held=
	case $resource in
	namespaces.*)
		# It goes when all that is in it has gone.
		field '.status.conditions[?(@.status=="True")].message'
		held=" kubernetes${got:+; $got}"
		return 0
		;;
	esac
	for finalizer in $got; do
		case $finalizer in orphan | foregroundDeletion) ;; *) held="$held $finalizer" ;; esac
	done
	[ -n "$held" ]
}

delete_step() {
	if delete; then
		if [ -z "$dry" ] && held_by; then
			tell 'being deleted'
			detail "it is kept by its finalizers:$held"
			going="$going$number $resource $uid $namespace $name
"
			[ -n "$gate" ] && gates_gone=yes
			return 0
		fi
		done_with deleted
	elif is_gone; then
		done_with 'already gone'
	elif [ -n "$goes" ] && is_done "$goes" && says 'could not find the requested resource'; then
		done_with 'gone'
		detail "with its definition, step $goes"
	elif is_other; then
		refused 'an object of that name was made since; kept as it is'
	else
		failed "$said"
	fi
}

# Looks again at what was being deleted.
look_again() {
	rest=$going
	verb='' gate=''
	while [ -n "$rest" ]; do
		line=${rest%%
*}
		rest=${rest#*
}
		number=${line%% *}
		line=${line#* }
		resource=${line%% *}
		line=${line#* }
		uid=${line%% *}
		line=${line#* }
		namespace=${line%% *}
		name=${line#* }
		# What is in a namespace takes a moment.
		case $resource in
		namespaces.*)
			waited=0
			while [ "$waited" -lt "$limit" ] && [ "$waited" -lt 20 ] && held_by; do
				waited=$((waited + 1))
				sleep 1
			done
			;;
		esac
		if held_by; then
			case $resource in namespaces.*) say "$number is still being deleted:$held" ;; esac
			count_going=$((count_going + 1))
			remaining="$remaining $number"
		else
			mark 'done'
			count_done=$((count_done + 1))
		fi
	done
}

recreate_step() {
	stage=$(begun)
	if [ -z "$stage" ] && ! addresses_are_free; then
		# Another step may free it; a dry run cannot tell.
		said=
		[ -n "$dry" ] || said='already allocated'
		failed "$why"
		return
	fi
	if [ "$stage" != creating ]; then
		mark begun deleting
		if ! delete && ! is_gone; then
			if is_other; then
				unmark
				refused 'an object of that name was made since; kept as it is'
			else
				failed "not deleted:
$said"
			fi
			return
		fi
		if [ -n "$dry" ]; then
			done_with 'created again'
			return
		fi
		waited=0
		while :; do
			if ! field .metadata.uid; then
				failed "deleted; whether it is gone cannot be determined:
$said"
				return
			fi
			[ "$got" = "$uid" ] || break
			if [ "$waited" -ge "$limit" ]; then
				field '.metadata.finalizers[*]'
				held=${got:-none}
				field '.status.conditions[?(@.status=="True")].message'
				said=
				failed "it is being deleted, but still there after $limit seconds; finalizers: $held${got:+
$got}
run this again when it is gone"
				return
			fi
			waited=$((waited + 1))
			sleep 1
		done
	fi
	was_begun=no
	[ "$stage" = creating ] && was_begun=yes
	create "$was_begun" || return 0
	done_with 'created again'
	[ -n "$dropped" ] && detail "$dropped"
	return 0
}

replace_step() {
	until call replace --raw "$path?fieldValidation=Strict${dry:+&dryRun=All}" -f "$dir/$file"; do
		is_worth_another && continue
		if says '(Conflict)' || says 'Precondition failed'; then
			refused 'it was changed after the snapshot, and is stored in another version: kept as it is'
		elif is_gone; then
			refused 'it is not there any more'
		else
			failed "$said"
		fi
		return
	done
	done_with replaced
}

# step N VERB PRINTED-NAME KEY=VALUE...
step() {
	label=$1 verb=$2 shown=$3
	number=$label
	shift 3
	namespace='' resource='' name='' file='' uid='' path='' policy=Background
	needs='' goes='' again='' ask='' gate='' established='' either='' secret='' why='' addresses=''
	for argument; do
		value=${argument#*=}
		case $argument in
		namespace=*) namespace=$value ;;
		resource=*) resource=$value ;;
		name=*) name=$value ;;
		file=*) file=$value ;;
		uid=*) uid=$value ;;
		path=*) path=$value ;;
		policy=*) policy=$value ;;
		needs=*) needs=$value ;;
		goes=*) goes=$value ;;
		again=*) again=$value ;;
		ask=*) ask=$value ;;
		gate=*) gate=$value ;;
		established=*) established=$value ;;
		either=*) either=$value ;;
		secret=*) secret=$value ;;
		why=*) why=$value ;;
		addresses=*) addresses=$value ;;
		esac
	done
	take
	owners=
	label=
}

# among NUMBER LIST
among() { case " $2 " in *" $1 "*) return 0 ;; *) return 1 ;; esac; }

take() {
	if [ "$pass" -gt 1 ]; then
		among "$number" "$waiting" || return 0
	elif is_done "$number"; then
		count_before=$((count_before + 1))
		[ -n "$gate" ] && gates_gone=yes
		return
	fi
	case $ask in
	'') ;;
	delete) is_asked "$deletes" || {
		withhold "$why; to do it: --delete $number"
		return
	} ;;
	create) is_asked "$creates" || {
		withhold "$why; to do it: --create $number"
		return
	} ;;
	esac
	missing=
	awaited=
	for need in $needs; do
		is_done "$need" || missing="$missing $need"
		among "$need" "$later" && awaited=yes
	done
	if [ -n "$missing" ] && [ -n "$awaited" ] && [ -z "$last" ]; then
		put_off "it needs step$missing"
		return
	fi
	if [ -n "$missing" ]; then
		if [ -n "$dry" ]; then
			not_checkable "it needs step$missing"
		else
			not_done 'not tried' "it needs step$missing, which is not done"
			count_untried=$((count_untried + 1))
		fi
		return
	fi
	[ -n "$gate" ] && gates=yes
	case $verb in
	patch) patch_step ;;
	create) create_step ;;
	delete) delete_step ;;
	recreate) recreate_step ;;
	replace) replace_step ;;
	*) die "step $number: unknown verb $verb" ;;
	esac
}

withhold() {
	not_done "not $(past)" "$1"
	count_withheld=$((count_withheld + 1))
}

past() {
	case $verb in
	patch) printf patched ;;
	create) printf created ;;
	delete) printf deleted ;;
	recreate) printf recreated ;;
	replace) printf replaced ;;
	esac
}

is_asked() { among "$number" "$1"; }

# Adds the numbers of an option to a list, as they stand in the steps.
numbers() {
	list=$1
	asked=
	old_ifs=$IFS
	IFS=', '
	for one in $2; do
		case $one in '' | *[!0-9]*)
			IFS=$old_ifs
			die "not the number of a step: $one"
			;;
		esac
		while case $one in 0?*) : ;; *) false ;; esac; do one=${one#0}; done
		one=$(printf "%0${width}d" "$one")
		case " $list " in *" $one "*) asked="$asked $one" ;; *)
			IFS=$old_ifs
			die "step $one does not wait for $3"
			;;
		esac
	done
	IFS=$old_ifs
	[ -n "$asked" ] || die "$3: which step?"
}

# start TOTAL DELETIONS CREATIONS WIDTH ARGUMENT...: the numbers of the steps that wait to be asked for, and how
# many digits they have.
start() {
	total=$1 deletable=$2 creatable=$3 width=$4
	shift 4
	dry='' deletes='' creates='' limit=60 ending='' label='' number='' namespace=''
	owners='' gates='' gates_gone='' created='' patience=20 remaining='' has_patch_file='' got='' said=''
	count_done=0 count_before=0 count_refused=0 count_failed=0 count_untried=0 count_withheld=0
	count_checked=0 count_unchecked=0 count_going=0 going=''
	references='' dropped='' locked='' pass=1 later='' waiting='' last=''
	trap ended EXIT
	trap interrupted INT TERM HUP
	while [ $# -gt 0 ]; do
		case $1 in
		--dry-run) dry=--dry-run=server ;;
		--delete | --create | --wait)
			[ $# -gt 1 ] || die "$1: a number is missing"
			option "$1" "$2"
			shift
			;;
		--delete=* | --create=* | --wait=*) option "${1%%=*}" "${1#*=}" ;;
		--help | -h)
			usage
			ending=told
			exit 0
			;;
		*) die "unknown option: $1 (--help tells)" ;;
		esac
		shift
	done
	dir=$(dirname -- "$0")
	case $dir in /*) ;; *) dir=./$dir ;; esac
	state=$dir/state
	umask 077
	program=
	for program in $KUBECTL; do break; done
	[ -n "$program" ] || die 'KUBECTL is blank'
	command -v "$program" >/dev/null 2>&1 || die "$program: not found; say KUBECTL=/path/to/kubectl"
	call get --raw /version || die "no server answers:
$said"
	# Marks of one cluster say nothing of another.
	fetch get namespaces.v1. kube-system --ignore-not-found -o 'jsonpath={.metadata.uid}' || :
	cluster=${got:-unknown}
	if [ -e "$state/cluster" ]; then
		known=$(cat "$state/cluster") || die "cannot read $state/cluster"
		[ "$known" = "$cluster" ] || [ "$cluster" = unknown ] ||
			die "$state is about another cluster; delete it to start over in this one"
	elif [ -z "$dry" ]; then
		{ mkdir -p "$state" && printf '%s\n' "$cluster" >"$state/cluster"; } 2>/dev/null ||
			die "cannot write $state, where steps that are done are marked: copy the whole folder to a place that you can write, and run it there"
	fi
	[ -n "$dry" ] || lock
	deleted=$(sed -n "s/^step .* uid='\{0,1\}\([0-9A-Za-z-]*\).*/\1/p" "$0" | tr '\n' ' ')
}

option() {
	case $1 in
	--delete)
		numbers "$deletable" "$2" "$1"
		deletes="$deletes$asked"
		;;
	--create)
		numbers "$creatable" "$2" "$1"
		creates="$creates$asked"
		;;
	--wait)
		case $2 in '' | *[!0-9]*) die "--wait: not a number of seconds: $2" ;; esac
		limit=$2
		;;
	esac
}

# One more part of the summary.
part() { [ "$1" -gt 0 ] && parts="$parts${parts:+, }$1 $2"; }

# Takes all steps; then what was put off, as long as something comes of it, and then for the last time.
take_all() {
	steps
	while [ -n "$later" ]; do
		waiting=$later later='' pass=$((pass + 1)) before=$count_done
		sleep 1
		steps
		label=
		[ -n "$last" ] && return
		if [ "$count_done" = "$before" ]; then
			last=yes patience=20
		fi
	done
}

finish() {
	take_all
	label=
	look_again
	parts=
	part "$count_done" 'done'
	part "$count_before" 'done before'
	part "$count_checked" 'would be accepted'
	part "$count_unchecked" 'not checkable yet'
	part "$count_going" 'still being deleted'
	part "$count_refused" 'refused'
	part "$count_failed" 'failed'
	part "$count_untried" 'not tried'
	part "$count_withheld" 'only when asked for'
	say "$total steps: ${parts:-nothing to do}"
	ending=told
	if [ -n "$dry" ]; then
		[ $((count_refused + count_failed)) -eq 0 ] || exit 1
		exit 0
	fi
	[ -z "$remaining" ] && exit 0
	say "remaining:$remaining"
	exit 1
}

