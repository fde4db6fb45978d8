/*
 * The switching protocol as the engine implements it, for two keys that share one journal slot, one of which (key 0) moves at 50 percent.
 *
 * One run checks one walk up and down the ladder. Every `atomic` is one transaction of a store, one script of the journal, one
 * compare-and-set of the control record, or one decision inside a process. A process that is paused or killed is one that is not scheduled
 * for a while, or for ever; the checker tries all of these. README.md says which function of the code each step stands for.
 *
 * The writes of a key are numbered in the order in which they take effect (`made`); a row carries the number of the write that it shows,
 * and `told` is the highest number that any client has heard of. What must hold:
 *   P1  settled in OLD or NEW the store shows the last write of each key; in DUAL a key without an entry is the same in both stores
 *   P2  each write takes effect on top of the one before it
 *   P3  a read that began when `told` was n shows n or later; so does every read that could be made when a client is told
 *   P5  no request and no walk is stuck (invalid end states)
 *   P6  the way back stays open with the new store gone (NEW_DOWN)
 *   P7  follows: what a late process changes breaks one of the above
 *
 * -DWALK=n chooses the walk, -DCANCEL lets each announce be cancelled once in the run, -DDRIVERS=2 lets two drive at once.
 * -DWITHOUT_... takes one mechanism out; each of these runs has to fail (cases.txt).
 */
#ifndef WALK
#define WALK 1
#endif
#ifndef WRITERS
#define WRITERS 1          /* of each key in KEYS_WRITTEN */
#endif
#ifndef READERS
#define READERS 1
#endif
#ifndef DRIVERS
#define DRIVERS 1
#endif
#ifndef COPIERS
#define COPIERS 1
#endif
#ifndef PREPARERS
#define PREPARERS 1
#endif
#ifndef WRITES
#define WRITES 1           /* of each writer */
#endif
#ifndef FIRST_KEY
#define FIRST_KEY 0
#endif
#ifndef LAST_KEY
#define LAST_KEY 0         /* 1: both keys are written */
#endif

/* places on the ladder: states.ts */
#define OLD 0
#define MIGRATING 1
#define CATCHING_UP 2
#define RETREATING 3
#define DUAL_0 4
#define DUAL_50 5
#define DUAL_100 6
#define NEW 7

#if WALK == 1
#define LAST 3
byte walk[4] = { OLD, MIGRATING, CATCHING_UP, DUAL_0 };
#elif WALK == 2
#define LAST 3
byte walk[4] = { DUAL_0, DUAL_50, DUAL_100, NEW };
#elif WALK == 3
#define LAST 3
byte walk[4] = { DUAL_100, DUAL_50, DUAL_0, OLD };
#elif WALK == 4
#define LAST 3
byte walk[4] = { OLD, MIGRATING, RETREATING, OLD };
#elif WALK == 5
#define LAST 3
byte walk[4] = { MIGRATING, CATCHING_UP, DUAL_0, OLD };
#elif WALK == 6
#define LAST 2
byte walk[3] = { DUAL_0, DUAL_50, DUAL_0 };
#elif WALK == 7
#define LAST 1
byte walk[2] = { DUAL_0, OLD };
#elif WALK == 8
#define LAST 1
byte walk[2] = { DUAL_100, NEW };
#elif WALK == 9
#define LAST 5
byte walk[6] = { DUAL_0, OLD, MIGRATING, CATCHING_UP, DUAL_0, DUAL_50 };
#elif WALK == 10
#define LAST 1
byte walk[2] = { OLD, MIGRATING };
#elif WALK == 12
#define LAST 2
byte walk[3] = { MIGRATING, CATCHING_UP, DUAL_0 };
#elif WALK == 13
#define LAST 1
byte walk[2] = { DUAL_0, DUAL_50 };
#elif WALK == 14
#define LAST 2
byte walk[3] = { DUAL_50, DUAL_0, OLD };
#elif WALK == 16
#define LAST 2
byte walk[3] = { DUAL_0, OLD, DUAL_50 };     /* with CANCEL: where OLD is not cancelled it is the end */
#elif WALK == 15
#define LAST 4
byte walk[5] = { DUAL_0, OLD, MIGRATING, CATCHING_UP, DUAL_0 };
#elif WALK == 11
#define LAST 2
byte walk[3] = { DUAL_0, DUAL_50, DUAL_100 };
#endif

#define O 0
#define N 1
#define THREADS (WRITERS * (LAST_KEY - FIRST_KEY + 1) + READERS)
#define KEYS 2

/* ---- the control record: control.ts. Revisions are kept, so that a view is the number of one. -------------------------------------- */
#define SETTLED 0
#define ANNOUNCE 1
#define FLIP 2
#define SETTLE 3
#define REVISIONS 24
typedef Record { byte place; byte epoch; byte number; byte in_run; byte phase; byte to; byte announced }
Record rec[REVISIONS];
byte rev;                                /* the newest */
byte walked;                             /* moves of the walk that have been announced and not cancelled */
bit cancelled;

#define PLACE(r) ((rec[r].phase == FLIP) -> rec[r].to : rec[r].place)            /* situation.ts: placeOf */
#define EPOCH(r) ((rec[r].phase == FLIP) -> rec[r].announced : rec[r].epoch)     /* epochOf */
#if WALK == 16
#define AGAIN 0
#define ENDS (walked == LAST || (walked == 1 && rec[rev].place == OLD))
#define ALLOWED (walked != 1 || rec[rev].place != OLD)
#else
#define AGAIN 1                          /* a switch that was cancelled is announced again */
#define ENDS (walked == LAST)
#define ALLOWED (1)
#endif
#define UNDER_WAY(r) (rec[r].phase == ANNOUNCE || rec[r].phase == FLIP)
#define IS_DUAL(p) (p == DUAL_0 || p == DUAL_50 || p == DUAL_100)
#define DIRECT_PLACE(p) (p == OLD || p == NEW)
#define AUTHORITY(p, k) ((p == NEW || p == DUAL_100 || (p == DUAL_50 && k == 0)) -> N : O)
#define MOVES(r, k) (AUTHORITY(rec[r].place, k) != AUTHORITY(rec[r].to, k))
#define PLAIN(p) (DIRECT_PLACE(p) || IS_DUAL(p))
#define OVERLAY(r) (UNDER_WAY(r) || !PLAIN(rec[r].place))

/* ---- stores: fence, guards, rows -------------------------------------------------------------------------------------------------- */
#define DIRECT 0
#define COPY 1
#define APPLY 2
#define CLOSED 3
typedef Row { byte made; byte guard }
typedef Store { Row row[KEYS]; byte epoch; byte step; byte mode; byte in_run; bit up }
Store st[2];
byte copied[KEYS];                       /* the checkpoint: the epoch whose copy has taken this key */

/* ---- the journal slot: journal.ts ------------------------------------------------------------------------------------------------- */
#define SEQ(r, n) (r * 10 + n)
#define RUN_OF(s) (s / 10)
typedef Entry { bit there; byte seq; byte made; byte lacks[2] }
Entry en[KEYS];
byte j_epoch, j_run, j_counter, j_mark, j_noted, j_note;
bit j_open;
#ifdef WITHOUT_SLOT_EPOCH
#define J_HOLDS(e) (j_open)
#else
#define J_HOLDS(e) (j_open && j_epoch == e)
#endif

/* ---- views and leases: lease.ts --------------------------------------------------------------------------------------------------- */
byte view[THREADS];
bit lease[THREADS];
#define RENEW(i) view[i] = rev; lease[i] = 1
#define PEEK(i) (lease[i])

/* ---- what clients know ------------------------------------------------------------------------------------------------------------ */
byte made[KEYS]; byte told[KEYS];

#define SEEN(r, k) ((OVERLAY(r) && en[k].there) -> en[k].made : st[AUTHORITY(PLACE(r), k)].row[k].made)
#define CAN_SEE(i, k) (!lease[i] || SEEN(view[i], k) >= told[k])
inline tell(k, n) {
  told[k] = ((told[k] > n) -> told[k] : n);
  assert(CAN_SEE(0, k));                 /* P3 */
#if (WRITERS * (LAST_KEY - FIRST_KEY + 1) + READERS) > 1
  assert(CAN_SEE(1, k));
#endif
#if (WRITERS * (LAST_KEY - FIRST_KEY + 1) + READERS) > 2
  assert(CAN_SEE(2, k));
#endif
}

/* One guarded apply; the caller has looked at the fence. */
inline put(s, k, seq, n) {
  if
#ifdef WITHOUT_GUARD
  :: 1 ->
#else
  :: st[s].row[k].guard < seq ->
#endif
     st[s].row[k].guard = seq; st[s].row[k].made = n
  :: else
  fi
}
#ifdef WITHOUT_APPLY_FENCE
#define ADMITS(s, seq) (1)
#else
#ifdef WITHOUT_RUN_IN_FENCE
#define ADMITS(s, seq) (st[s].mode == APPLY)
#else
#define ADMITS(s, seq) (st[s].mode == APPLY && st[s].in_run == RUN_OF(seq))
#endif
#endif
inline leave(k) {
  if
  :: en[k].lacks[O] == 0 && en[k].lacks[N] == 0 ->
     j_mark = ((j_mark > en[k].seq) -> j_mark : en[k].seq);
     en[k].there = 0; en[k].seq = 0; en[k].made = 0
  :: else
  fi
}
inline applied(s, k, seq) {
  if
#ifdef WITHOUT_SEQ_IN_NOTE
  :: en[k].there ->
#else
  :: en[k].there && en[k].seq == seq ->
#endif
     en[k].lacks[s] = 0; leave(k)
  :: else
  fi
}

/* A request may wait for ever only for a store that is gone. */
#if defined(NEW_DOWN) || defined(OLD_DOWN)
#define END(x) end_##x:
#else
#define END(x)
#endif

/* ---- the writing device: writes.ts, home.ts --------------------------------------------------------------------------------------- */
#define ALSO_APPLIES(r) (PLACE(r) != MIGRATING)
proctype Writer(byte i; byte k) {
  byte left = WRITES, v, e, seq, n, base, s; bit found, has_o, has_n, enough;
  if :: atomic { RENEW(i) } :: skip fi;  /* its process may have renewed its lease long before the write comes */
again:
  if
  :: atomic { left == 0 -> view[i] = 0; lease[i] = 0; v = 0; e = 0; seq = 0; n = 0; base = 0; found = 0; s = 0; has_o = 0; has_n = 0; enough = 0; goto over }
  :: atomic { left > 0 -> seq = 0; n = 0; base = 0; found = 0; has_o = 0; has_n = 0; enough = 0; s = 0;
       if :: lease[i] :: RENEW(i) fi;
       v = view[i]; e = EPOCH(v);
       if :: DIRECT_PLACE(PLACE(v)) -> goto direct :: else fi }
  fi;
  /* readEntry */
END(read)
  if
  :: atomic { J_HOLDS(e) -> found = en[k].there; seq = (found -> en[k].seq : j_mark); base = en[k].made }
  :: atomic { !J_HOLDS(e) && v != rev -> RENEW(i); goto again }
  fi;
  /* readBase */
END(base)
  if
  :: found
  :: atomic { !found && st[AUTHORITY(PLACE(v), k)].up -> base = st[AUTHORITY(PLACE(v), k)].row[k].made }
  fi;
  /* append */
END(append)
  if
#ifdef WITHOUT_MARK
  :: atomic { J_HOLDS(e) && en[k].there == found && (!found || en[k].seq == seq) ->
#else
  :: atomic { J_HOLDS(e) && en[k].there == found && (found -> en[k].seq == seq : j_mark == seq) ->
#endif
       assert(base == made[k]);          /* P1, P2 */
       made[k]++; n = made[k]; j_counter++; seq = SEQ(j_run, j_counter);
#ifdef WITHOUT_OLDER_DEBTS
       en[k].lacks[O] = seq; en[k].lacks[N] = seq;
#else
       en[k].lacks[O] = ((found && en[k].lacks[O]) -> en[k].lacks[O] : seq);
       en[k].lacks[N] = ((found && en[k].lacks[N]) -> en[k].lacks[N] : seq);
#endif
       if :: PLACE(v) == RETREATING -> en[k].lacks[N] = 0 :: else fi;
       en[k].there = 1; en[k].seq = seq; en[k].made = n; e = 0; base = 0; found = 0 }
  :: atomic { J_HOLDS(e) && !(en[k].there == found && (found -> en[k].seq == seq : j_mark == seq)) -> goto again }
  :: atomic { !J_HOLDS(e) && v != rev -> RENEW(i); goto again }
  fi;
  /* seeHome: by the rule in force, under a lease that runs when the stores have answered */
END(home)
  do
  :: atomic { view[i] != rev || !lease[i] -> RENEW(i) }
  :: atomic { !has_o && st[O].up && ADMITS(O, seq) && (ALSO_APPLIES(view[i]) || (UNDER_WAY(view[i]) && MOVES(view[i], k))) -> put(O, k, seq, n); has_o = 1 }
  :: atomic { !has_n && st[N].up && ADMITS(N, seq) && PLACE(view[i]) != RETREATING && (ALSO_APPLIES(view[i]) || (UNDER_WAY(view[i]) && MOVES(view[i], k))) -> put(N, k, seq, n); has_n = 1 }
  :: atomic {
#ifndef WITHOUT_LEASE_AT_ACK
       PEEK(i) &&
#endif
       RUN_OF(seq) == rec[view[i]].in_run && !(DIRECT_PLACE(PLACE(view[i])) && rec[view[i]].phase != FLIP) ->
       s = AUTHORITY(PLACE(view[i]), k);
       if
       :: UNDER_WAY(view[i]) && MOVES(view[i], k) -> enough = (has_o && has_n)
       :: else -> if
          :: PLACE(view[i]) == MIGRATING -> enough = 1
          :: else -> enough = ((s == O) -> has_o : has_n)
          fi
       fi;
       s = 0;
       if :: enough -> goto home :: else fi }
  :: atomic { PEEK(i) && (RUN_OF(seq) != rec[view[i]].in_run || (DIRECT_PLACE(PLACE(view[i])) && rec[view[i]].phase != FLIP)) && st[AUTHORITY(PLACE(view[i]), k)].up ->
       if
       :: st[AUTHORITY(PLACE(view[i]), k)].row[k].guard >= seq -> goto home
#ifdef OVER_A_RUN
       :: else -> left--; goto again     /* OUTCOME_UNKNOWN: the guards of a run that is long over may be gone */
#else
       :: else -> assert(RUN_OF(seq) != rec[view[i]].in_run || view[i] != rev); left--; goto again   /* P1 */
#endif
       fi }
  od;
home:
  atomic { tell(k, n); left--; goto again }

direct:
  /* direct: compare-and-set under the fence; the commit is the acknowledgement */
END(direct)
  if
#ifdef WITHOUT_DIRECT_FENCE
  :: atomic { st[AUTHORITY(PLACE(v), k)].up ->
#else
  :: atomic { st[AUTHORITY(PLACE(v), k)].up && st[AUTHORITY(PLACE(v), k)].mode == DIRECT && st[AUTHORITY(PLACE(v), k)].epoch == e ->
#endif
       s = AUTHORITY(PLACE(v), k);
       assert(st[s].row[k].made == made[k]);                                     /* P1, P2 */
       made[k]++; st[s].row[k].made = made[k]; n = made[k]; tell(k, n); left--; goto again }
  :: atomic { (st[AUTHORITY(PLACE(v), k)].mode != DIRECT || st[AUTHORITY(PLACE(v), k)].epoch != e) && v != rev -> RENEW(i); goto again }
  fi;
over: skip
}

/* ---- the reading device: reads.ts. By key; with -DLISTS of a list, where in DUAL any store may answer. ------------------------------ */
#ifdef LISTS
#define STAYS(r) (UNDER_WAY(r) && DIRECT_PLACE(rec[r].to))
#ifdef WITHOUT_STORE_THAT_STAYS
#define STORE_FOR(r, k, any) (IS_DUAL(PLACE(r)) -> any : AUTHORITY(PLACE(r), k))
#else
#define STORE_FOR(r, k, any) (STAYS(r) -> AUTHORITY(rec[r].to, k) : (IS_DUAL(PLACE(r)) -> any : AUTHORITY(PLACE(r), k)))
#endif
#define READS_JOURNAL(r) (UNDER_WAY(r) || !DIRECT_PLACE(rec[r].place))
#else
#define STORE_FOR(r, k, any) AUTHORITY(PLACE(r), k)
#define READS_JOURNAL(r) OVERLAY(r)
#endif
proctype Reader(byte i) {
  byte k, least, found, v, s; bit began, any;
  if :: k = FIRST_KEY :: k = LAST_KEY fi;
  if :: atomic { RENEW(i) } :: skip fi;
again:
END(begin)
  atomic {
    if :: lease[i] :: RENEW(i) fi;
    if :: !began -> least = told[k]; began = 1 :: else fi;
    v = view[i]; found = 255;
#ifdef LISTS
    if :: any = 0 :: any = 1 fi;
#endif
    s = STORE_FOR(v, k, any) }
#ifdef WITHOUT_JOURNAL_FIRST
END(store_first)
  atomic { st[s].up -> found = st[s].row[k].made }
  atomic { if :: READS_JOURNAL(v) && en[k].there -> found = en[k].made :: else fi }
#else
  /* checkSlots: an answer of a slot at a higher epoch than the view knows begins again */
  atomic {
    if
#ifdef WITHOUT_SLOT_CHECK
    :: 0 -> skip
#else
    :: READS_JOURNAL(v) && j_epoch > rec[v].epoch && !(UNDER_WAY(v) && j_epoch == rec[v].announced) -> RENEW(i); goto again
#endif
    :: else -> if :: READS_JOURNAL(v) && en[k].there -> found = en[k].made :: else fi
    fi }
END(store)
  if
  :: found != 255
  :: atomic { found == 255 && st[s].up -> found = st[s].row[k].made }
  fi;
#endif
  atomic {
    if
#ifdef WITHOUT_LEASE_AFTER_STORE
    :: 1 ->
#else
    :: PEEK(i) && view[i] == v ->
#endif
       assert(found >= least)            /* P3 */
    :: else -> goto again
    fi;
    k = 0; least = 0; found = 0; v = 0; s = 0; any = 0; began = 0; view[i] = 0; lease[i] = 0 }
}

/* ---- background: jobs/replay.ts, jobs/prepare.ts, jobs/copy.ts --------------------------------------------------------------------- */
proctype Replay(byte s) {
  byte k, seq, n;
end_owed:
  do
  :: atomic { st[s].up && ((en[0].there && en[0].lacks[s]) || (en[1].there && en[1].lacks[s])) ->
       if
       :: en[0].there && en[0].lacks[s] -> k = 0
       :: en[1].there && en[1].lacks[s] -> k = 1
       fi;
       seq = en[k].seq; n = en[k].made }
     if
     :: atomic { st[s].up && ADMITS(s, seq) -> put(s, k, seq, n) }
        atomic { applied(s, k, seq); k = 0; seq = 0; n = 0 }
     :: atomic { !(st[s].up && ADMITS(s, seq)) -> k = 0; seq = 0; n = 0 }
     fi
  od
}

/* Close, empty, COPY; after a run that went back, close, empty, and a mark that it is; and APPLY, where the flip to CATCHING_UP could not reach the new store. Steps as in jobs/prepare.ts. */
#define FENCE_BELOW(s, e, p) ((st[s].epoch < e) || (st[s].epoch == e && st[s].step < p))
inline raise(whose, at, nth, how, which) {
  if
#ifdef WITHOUT_UPWARDS_ONLY
  :: 1 ->
#else
  :: FENCE_BELOW(whose, at, nth) ->
#endif
     st[whose].epoch = at; st[whose].step = nth; st[whose].mode = how; st[whose].in_run = which
  :: else
  fi
}
proctype Prepare() {
  byte e;
end_prepare:
  do
  :: atomic { rec[rev].place == MIGRATING && !UNDER_WAY(rev) && st[N].up && FENCE_BELOW(N, rec[rev].epoch, 9) -> e = rec[rev].epoch }
     atomic { if :: st[N].up -> raise(N, e, 8, CLOSED, 0) :: else fi }
     atomic { if
#ifdef WITHOUT_CLOSED_WHILE_EMPTIED
       :: st[N].up ->
#else
       :: st[N].up && st[N].mode == CLOSED && st[N].epoch == e ->
#endif
          st[N].row[0].made = 0; st[N].row[0].guard = 0; st[N].row[1].made = 0; st[N].row[1].guard = 0
       :: else -> e = 0
       fi }
     atomic { if :: e && st[N].up && FENCE_BELOW(N, e, 9) -> raise(N, e, 9, COPY, 0); copied[0] = 0; copied[1] = 0 :: else fi; e = 0 }
  :: atomic { rec[rev].place == OLD && rec[rev].in_run && !UNDER_WAY(rev) && st[N].up && st[O].mode == DIRECT && st[O].epoch == rec[rev].epoch && FENCE_BELOW(N, rec[rev].epoch, 9) -> e = rec[rev].epoch }
     atomic { if :: st[N].up -> raise(N, e, 8, CLOSED, 0) :: else fi }
     atomic { if
       :: st[N].up && st[N].mode == CLOSED && st[N].epoch == e ->
          st[N].row[0].made = 0; st[N].row[0].guard = 0; st[N].row[1].made = 0; st[N].row[1].guard = 0
       :: else -> e = 0
       fi }
     atomic { if :: e && st[N].up && FENCE_BELOW(N, e, 9) -> raise(N, e, 9, CLOSED, 0) :: else fi; e = 0 }
  :: atomic { st[N].up && !UNDER_WAY(rev) && (rec[rev].place == CATCHING_UP || IS_DUAL(rec[rev].place)) && st[N].mode == COPY && FENCE_BELOW(N, rec[rev].epoch, 1) ->
       raise(N, rec[rev].epoch, 1, APPLY, rec[rev].in_run) }
  od
}
proctype Copy() {
  byte k, e, n;
end_copy:
  do
  :: atomic { rec[rev].place == MIGRATING && !UNDER_WAY(rev) && st[N].up && st[O].up && st[N].mode == COPY && st[N].epoch == rec[rev].epoch ->
       e = rec[rev].epoch;
       if :: copied[0] != e -> k = 0 :: copied[1] != e -> k = 1 :: copied[0] == e && copied[1] == e -> e = 0; goto end_copy fi;
       n = st[O].row[k].made }
     atomic {
       if
#ifdef WITHOUT_COPY_FENCE
       :: st[N].up ->
#else
       :: st[N].up && st[N].mode == COPY && st[N].epoch == e && copied[k] != e ->
#endif
          st[N].row[k].made = n; copied[k] = e
       :: else
       fi;
       k = 0; e = 0; n = 0 }
  od
}

/* ---- the switch: control/switch.ts, flip.ts, blockers.ts --------------------------------------------------------------------------- */
inline next_record(r) {
  rev++;
  rec[rev].place = rec[r].place; rec[rev].epoch = rec[r].epoch; rec[rev].number = rec[r].number; rec[rev].in_run = rec[r].in_run;
  rec[rev].phase = rec[r].phase; rec[rev].to = rec[r].to; rec[rev].announced = rec[r].announced
}
#define LACKS_NOTED(s) ((en[0].there && en[0].lacks[s] && en[0].lacks[s] <= j_noted) || (en[1].there && en[1].lacks[s] && en[1].lacks[s] <= j_noted))
#define LACKS_ANY(s) ((en[0].there && en[0].lacks[s]) || (en[1].there && en[1].lacks[s]))
#define COPY_DONE(r) (copied[0] == rec[r].epoch && copied[1] == rec[r].epoch)
#ifdef WITHOUT_COPY_COMPLETE
#define READY(r, p) (1)
#else
#define READY(r, p) ((rec[r].place != MIGRATING || p != CATCHING_UP || COPY_DONE(r)) && \
  (rec[r].place != CATCHING_UP || !LACKS_NOTED(O)) && (rec[r].place != RETREATING || !LACKS_NOTED(O)) && (p != NEW || !LACKS_NOTED(N)))
#endif
#define GAINS(r) ((IS_DUAL(rec[r].place) && IS_DUAL(rec[r].to)) -> ((rec[r].to > rec[r].place) -> 1 : 0) : 2)

inline barrier(r) {                      /* every thread has seen this revision, or its lease is over */
  i = 0;
  do
  :: i < THREADS -> if :: view[i] < r -> lease[i] = 0 :: else fi; i++
  :: else -> i = 0; break
  od
}
inline advance(e) {
  if
#ifdef WITHOUT_UPWARDS_ONLY
  :: 1 ->
#else
  :: j_epoch < e ->
#endif
     j_epoch = e; j_open = 1;
     if :: j_note < e -> j_note = e; j_noted = SEQ(j_run, j_counter) :: else fi
  :: else
  fi
}
inline drop_debts(s) {
  k = 0;
  do
  :: k < KEYS -> if :: en[k].there -> en[k].lacks[s] = 0; leave(k) :: else fi; k++
  :: else -> k = 0; break
  od
}
inline close_slot(e) { if :: j_epoch < e -> j_epoch = e; j_open = 0 :: else fi }
inline discard(e) {
  if
  :: j_epoch == e && !j_open ->
     j_mark = SEQ(j_run, j_counter);
     k = 0;
     do :: k < KEYS -> en[k].there = 0; en[k].seq = 0; en[k].made = 0; en[k].lacks[O] = 0; en[k].lacks[N] = 0; k++ :: else -> k = 0; break od
  :: else
  fi
}
inline open_slot(e) {
  if
  :: j_epoch < e ->
     j_epoch = e; j_open = 1; j_run = e; j_counter = 0; j_mark = SEQ(e, 0); j_noted = SEQ(e, 0); j_note = e;
     k = 0;
     do :: k < KEYS -> en[k].there = 0; en[k].seq = 0; en[k].made = 0; en[k].lacks[O] = 0; en[k].lacks[N] = 0; k++ :: else -> k = 0; break od
  :: else
  fi
}

proctype Driver() {
  byte r, i, k, e, to, from;
  do
  :: ENDS && rec[rev].phase == SETTLED -> break
  :: atomic { rec[rev].phase == SETTLED && walked < LAST && ALLOWED && READY(rev, walk[walked + 1]) ->
       r = rev; next_record(r);
       rec[rev].number = rec[r].number + 1; rec[rev].announced = rec[rev].number; rec[rev].to = walk[walked + 1]; rec[rev].phase = ANNOUNCE;
       walked++; r = 0 }
  :: atomic { rec[rev].phase != SETTLED -> r = rev; e = rec[r].announced; to = rec[r].to; from = rec[r].place }
     if
     :: rec[r].phase == ANNOUNCE ->
#ifdef CANCEL
        if
        :: atomic { rev == r && !cancelled -> cancelled = 1; walked = walked - AGAIN; next_record(r);
             rec[rev].number = rec[r].number + 1; rec[rev].phase = SETTLED; rec[rev].to = 0; rec[rev].announced = 0; goto done }
        :: skip
        fi;
#endif
#ifndef WITHOUT_ANNOUNCE_BARRIER
        atomic { barrier(r) }
#endif
        if
        :: GAINS(r) == 2
        :: atomic { GAINS(r) != 2 -> if :: j_note < e -> j_note = e; j_noted = SEQ(j_run, j_counter) :: else fi }
#ifndef WITHOUT_DRAIN_BEFORE_MOVE
           if
           :: atomic { GAINS(r) == N && !LACKS_NOTED(N) }
           :: atomic { GAINS(r) == O && !LACKS_NOTED(O) }
           :: atomic { rev != r -> goto done }
           fi
#endif
        fi;
        /* toFlip: a compare-and-set */
        atomic {
          if
#ifdef WITHOUT_CAS_BEFORE_FLIP
          :: 1 ->
#else
          :: rev == r ->
#endif
             next_record(r); rec[rev].phase = FLIP; if :: to == MIGRATING -> rec[rev].in_run = e :: else fi
          :: else -> goto done
          fi }
     :: rec[r].phase == FLIP ->
        if
        :: to == MIGRATING ->
           if :: atomic { st[O].up -> raise(O, e, 1, CLOSED, 0) } :: rev != r fi;
           atomic { open_slot(e) }
        :: to == CATCHING_UP ->
           if                                                  /* flip.ts raises both at the same time */
           :: atomic { if :: st[N].up -> raise(N, e, 1, APPLY, rec[r].in_run) :: else fi }
              if :: atomic { st[O].up -> raise(O, e, 2, APPLY, rec[r].in_run) } :: rev != r fi
           :: if :: atomic { st[O].up -> raise(O, e, 2, APPLY, rec[r].in_run) } :: rev != r fi;
              atomic { if :: st[N].up -> raise(N, e, 1, APPLY, rec[r].in_run) :: else fi }
           fi;
           atomic { advance(e) }
        :: to == RETREATING ->
           if :: atomic { st[O].up -> raise(O, e, 1, APPLY, rec[r].in_run) } :: rev != r fi;
           atomic { if :: j_epoch < e -> advance(e); drop_debts(N) :: else fi }
        :: IS_DUAL(to) -> atomic { advance(e) }
        :: to == OLD || to == NEW ->
           atomic { close_slot(e) }
           /* DRAIN: replay does it; refused by a fence that is further on, it is somebody else's */
           if
           :: to == OLD && (!LACKS_ANY(O) || st[O].epoch >= e)
           :: to == NEW && (!LACKS_ANY(N) || st[N].epoch >= e)
           fi;
#ifndef WITHOUT_DISCARD
           atomic { discard(e) }
#endif
           if
           :: to == OLD ->
              if
              :: atomic { if :: st[N].up -> raise(N, e, 4, CLOSED, 0) :: else fi }
                 if :: atomic { st[O].up -> raise(O, e, 5, DIRECT, 0) } :: rev != r fi
              :: if :: atomic { st[O].up -> raise(O, e, 5, DIRECT, 0) } :: rev != r fi;
                 atomic { if :: st[N].up -> raise(N, e, 4, CLOSED, 0) :: else fi }
              fi
           :: to == NEW ->
              if
              :: atomic { if :: st[O].up -> raise(O, e, 4, CLOSED, 0) :: else fi }
                 if :: atomic { st[N].up -> raise(N, e, 5, DIRECT, 0) } :: rev != r fi
              :: if :: atomic { st[N].up -> raise(N, e, 5, DIRECT, 0) } :: rev != r fi;
                 atomic { if :: st[O].up -> raise(O, e, 4, CLOSED, 0) :: else fi }
              fi
           fi
        fi;
        atomic { if :: rev == r -> next_record(r); rec[rev].place = to; rec[rev].epoch = e; rec[rev].phase = SETTLE :: else fi }
     :: rec[r].phase == SETTLE ->
        atomic {
          if
          :: rev == r ->
             next_record(r); rec[rev].phase = SETTLED; rec[rev].to = 0; rec[rev].announced = 0;
             assert(!DIRECT_PLACE(to) || (st[AUTHORITY(to, 0)].row[0].made == made[0] && st[AUTHORITY(to, 1)].row[1].made == made[1]) ||
                    st[AUTHORITY(to, 0)].mode == DIRECT);                        /* P1 */
             assert(!IS_DUAL(to) || !st[N].up || st[N].mode != APPLY ||
                    ((en[0].there || st[O].row[0].made == st[N].row[0].made) && (en[1].there || st[O].row[1].made == st[N].row[1].made)))  /* P1 */
          :: else
          fi }
     fi;
done:
     atomic { r = 0; i = 0; k = 0; e = 0; to = 0; from = 0 }
  od
}

#ifdef NEW_DOWN
/* The new store is gone for good, at any time from this place of the walk on. */
proctype Gone() { atomic { walked >= NEW_DOWN -> st[N].up = 0 } }
#endif
#ifdef OLD_DOWN
proctype Gone() { atomic { walked >= OLD_DOWN -> st[O].up = 0 } }
#endif

init {
  byte k, i;
  atomic {
    st[O].up = 1; st[N].up = 1;
    k = 0;
    do :: k < KEYS -> made[k] = 1; told[k] = 1; st[O].row[k].made = 1; k++ :: else -> break od;
    rec[0].place = walk[0]; rec[0].epoch = 1; rec[0].number = 1;
    st[O].epoch = 1; st[N].epoch = 1; j_epoch = 1; st[O].step = 9; st[N].step = 9;
    if
    :: walk[0] == OLD -> st[O].mode = DIRECT; st[N].mode = CLOSED
    :: walk[0] == MIGRATING -> st[O].mode = CLOSED; st[N].mode = COPY; j_open = 1; j_run = 1; rec[0].in_run = 1; j_mark = SEQ(1, 0)
    :: IS_DUAL(walk[0]) ->
       st[O].mode = APPLY; st[N].mode = APPLY; st[O].in_run = 1; st[N].in_run = 1; j_open = 1; j_run = 1; rec[0].in_run = 1; j_mark = SEQ(1, 0);
       st[N].row[0].made = 1; st[N].row[1].made = 1; j_noted = SEQ(1, 0); j_note = 1
    fi;
    i = 0;
    do :: i < THREADS -> lease[i] = 1; i++ :: else -> break od;
    i = 0; k = FIRST_KEY;
    do
    :: k <= LAST_KEY ->
       run Writer(i, k); i++;
#if WRITERS > 1
       run Writer(i, k); i++;
#endif
       k++
    :: else -> break
    od;
#if READERS > 0
    run Reader(i);
#endif
    run Replay(O); run Replay(N); run Prepare(); run Copy();
#if PREPARERS > 1
    run Prepare();
#endif
#if COPIERS > 1
    run Copy();
#endif
    run Driver();
#if DRIVERS > 1
    run Driver();
#endif
#if defined(NEW_DOWN) || defined(OLD_DOWN)
    run Gone();
#endif
  }
}
