/*
 * The protocol of package submit, as a model that spin checks. README.md says what
 * it shows, what it leaves out and how it is run.
 *
 * Each inline and proctype, and each macro below "looks", is named after the function
 * or method that takes the step: in package submit, or in pgstore for the outbox. What
 * begins with world_ is around them: the service, the clock, crashes, and the laws. A
 * test in package submit holds the names and the table of states against the code.
 *
 * There is one key, since what happens to one says nothing of another, and up to two
 * jobs with it: the second comes once the key is free. There are three processes, 0
 * to 2, of which 2 is not killed.
 */

#define PROCESSES 3
#define SLOTS  6  /* copies of the job in memory: two in a process */
#define NONE   7  /* no slot */
#define OUTBOX 0  /* a holder that never has a lease */
#define NOBODY 15 /* the holder of a job that was cancelled */

/* What a run is of, from the environment, so that one program serves all: who calls, and
   whether a write may be sent again. */
byte SUBMIT, ENQUEUE, JOIN, AGAIN, CANCEL, RETRY, ENQUEUE_TX, RESUBMIT;

/* How much goes wrong at most: changes that the store does not answer, pauses of a process
   for longer than its lease, kills or ends of a Run, tries that are proven unsent, panics,
   callers that give up, and leases that are also created late. */
byte lates, losses, lapses, crashes, refusals, panics, quits;

/* Faults that are planted. */
bit EARLY_TAKEOVER, SEND_FIRST, BLIND_CANCEL, RETRY_SENDS, OUTBOX_EARLY, OWN_NOT_LEFT;
bit LOST_IS_UNSENT, DROP_ANY, HELD_IS_RECORDED, SILENCE_IS_REFUSAL, INTENT_IGNORED, MADE_AGAIN, LATE_IS_RENEWED;

c_code {
	static int setting(const char *name) { char *value = getenv(name); return value ? atoi(value) : 0; }
}

mtype = { unborn, queued, sending, lost, answered, ended, aside };
mtype = { enqueues, begins, spares, replies, orphans, concludes, rereads, breaks };
mtype = { made, taken, unknown, conflict, silent };      /* what became of a change */
mtype = { Confirmed, Unconfirmed, Failed };
mtype = { claims, waits, returns };                       /* what ask comes to */

/* A record of the job, as the store keeps it. There is none while it is unborn. */
typedef Record {
	mtype state = unborn;
	byte holder;
	byte intent;  /* which job it is: 1 or 2; none is 0 */
	mtype outcome;
	bit free;
	mtype was;    /* of a job that is set aside */
	byte tries
}

/* A job in the memory of a process. */
typedef Job {
	mtype state = unborn;
	byte intent;
	mtype outcome;
	bit free;
	mtype was;
	byte tries;
	bit fresh;  /* no revision is known */
	bit called; /* Write was */
	bit placed; /* in a queue */
	bit busy;   /* somebody works on it */
	bit out     /* its write is under way */
}

hidden mtype got; /* what became of a change, within one step */

Record rec;
Record late;   /* a change that the store has got, and makes later */
bit lateSet, lateFresh;
short synced;  /* those who know the revision of the record as it is, in bits: slots, and */
#define CALLER 5 /* and the intent */
#define OPERATOR 8
#define LATE 9

#define bit(i) (1 << (i))

Job job[SLOTS];
byte held[PROCESSES] = NONE; /* the slot of the job that a term holds */
byte id[PROCESSES];          /* of the term */
bit term[PROCESSES];         /* there is one */
bit over[PROCESSES] = 1;     /* its context has ended */
bit stale[PROCESSES];        /* its lease may be over, by its own clock */
bit up[PROCESSES] = 1;       /* it was not killed */
byte home[24];               /* the process of what spin calls one */
byte users[PROCESSES];       /* calls that need a term */
bit runs[PROCESSES];         /* one of them is Run */
short live;                  /* leases that are there and not marked as left, by the id of the term, in bits */
short expired;               /* those that were not renewed for as long as a lease is */
byte lateLease;              /* a creation of a lease that the store makes later; another try made it */
short reborn;                /* leases that were created so after they had been ended, in bits */

/* The service: what was sent, and may have been carried out, by intent; what it has
   carried out; what may yet be. And what was recorded. */
byte sends[3];
bit executed[3];
byte pending[3];
mtype outcome[3];
bit recorded[3];
byte seen;          /* the calls since whose beginning there was a record whose key is not free, in bits */
bit promised;       /* somebody was told that the job is recorded */
bit txOpen;         /* a transaction has recorded the job, and is not over */
byte endings;       /* leases that were ended, by whom ever */
byte broken;        /* panics with a write under way */


/* ---- looks ---- */

#define open(p) (up[p] && term[p] && !over[p])
#define running(p) runs[p]
#define valid(p) (open(p) && !stale[p])
#define isRenewal(p) ((live & bit(id[p])) && (!(reborn & bit(id[p])) || LATE_IS_RENEWED))
#define dead(p, holder) (holder == OUTBOX || holder == id[p] && !OWN_NOT_LEFT \
	|| holder != id[p] && (!(live & bit(holder)) || EARLY_TAKEOVER && (expired & bit(holder))))
#define mayResend(s) (job[s].state == lost && RESUBMIT)

#define ours(k) (rec.intent == k && !MADE_AGAIN) /* made, in Go */
#define proc(s) ((s) / 2)
#define vacant(s) (!job[s].busy && !job[s].placed && held[proc(s)] != s)
#define kept(s) (job[s].state == lost -> sending : job[s].state)
#define same(s) (rec.state == kept(s) && rec.outcome == job[s].outcome && rec.free == job[s].free \
	&& rec.was == job[s].was && rec.tries == job[s].tries)
#define pendingState (rec.state == queued || rec.state == sending || rec.state == answered)

/* ---- the table of states ---- */

inline after(from, e)
{
	if
	:: from == unborn && e == enqueues -> from = queued
	:: from == unborn && e == begins -> from = sending
	:: from == unborn && e == concludes -> from = ended
	:: from == unborn && e == breaks -> from = aside
	:: from == queued && e == enqueues -> from = queued
	:: from == queued && e == begins -> from = sending
	:: from == queued && e == concludes -> from = ended
	:: from == queued && e == breaks -> from = aside
	:: from == sending && e == spares -> from = queued
	:: from == sending && e == replies -> from = answered
	:: from == sending && e == orphans -> from = lost
	:: from == sending && e == concludes -> from = ended
	:: from == sending && e == breaks -> from = aside
	:: from == lost && e == replies -> from = answered
	:: from == lost && e == orphans -> from = lost
	:: from == lost && e == concludes -> from = ended
	:: from == lost && e == breaks -> from = aside
	:: from == answered && e == replies -> from = answered
	:: from == answered && e == concludes -> from = ended
	:: from == answered && e == breaks -> from = aside
	:: from == ended && e == rereads -> from = answered
	:: from == aside && e == enqueues -> from = queued
	:: from == aside && e == rereads -> from = answered
	:: from == aside && e == orphans -> from = lost
	:: from == aside && e == concludes -> from = ended
	:: else -> assert(false) /* what is not in the table is a defect */
	fi
}

inline move(s, e) { after(job[s].state, e) }

/* ---- the laws ---- */

/* A request goes out. No second one without consent: Resubmit gives it for each lease
   that was ended, and for each panic that left a write under way. */
inline world_send(k)
{
	assert(outcome[k] != Failed);
	assert(!txOpen);
	sends[k]++;
	assert(sends[k] == 1 || RESUBMIT && sends[k] <= 1 + endings + broken)
}

/* The service carries a request out. With Resubmit it honours the key. */
inline world_execute(k)
{
	assert(!executed[k] || RESUBMIT);
	assert(outcome[k] != Failed);
	executed[k] = 1
}

/* A record has changed. Who was told an outcome is told no other one, but that what was
   Unconfirmed may be seen later. */
inline world_recorded()
{
	if
	:: rec.state == ended ->
		assert(!outcome[rec.intent] || outcome[rec.intent] == Unconfirmed || outcome[rec.intent] == rec.outcome);
		assert(rec.outcome != Confirmed || executed[rec.intent]);
		assert(rec.outcome != Failed || !executed[rec.intent]);
		outcome[rec.intent] = rec.outcome
	:: else ->
		assert(outcome[rec.intent] != Confirmed && outcome[rec.intent] != Failed)
	fi;
	seen = (rec.free -> seen : 6);
	recorded[rec.intent] = 1
}

/* ---- the store ---- */

inline forget(r)
{
	r.state = unborn; r.holder = 0; r.intent = 0; r.outcome = 0; r.free = 0; r.was = 0; r.tries = 0
}

/* What the record of a job is. */
inline record(s, r)
{
	r.state = kept(s); r.holder = id[proc(s)]; r.intent = job[s].intent;
	r.outcome = job[s].outcome; r.free = job[s].free; r.was = job[s].was; r.tries = job[s].tries
}

/* A change is made: all revisions that were known are old. */
inline put(s)
{
	record(s, rec);
	synced = 0;
	world_recorded()
}

/* One change of the store, and its answer, if there is one. A row that a transaction has
   changed is locked until that is over. */
inline one(s)
{
	if
	:: job[s].fresh && rec.state == unborn || !job[s].fresh && (synced & bit(s)) ->
		if
		:: got = made
		:: losses > 0 -> losses--; got = silent
		:: losses > 0 -> losses--; got = unknown
		:: losses > 0 && !lateSet -> losses--; got = unknown;
			record(s, late); lateSet = 1; lateFresh = job[s].fresh; synced = synced | bit(LATE)
		fi;
		if
		:: got != unknown -> put(s)
		:: else
		fi;
		if
		:: got == made -> job[s].fresh = 0; synced = bit(s)
		:: got == silent -> got = unknown
		:: else
		fi
	:: else -> got = conflict
	fi
}

proctype world_late()
{
	do
	:: atomic {
		lateSet && (!txOpen || OUTBOX_EARLY) ->
		if
		:: lateFresh && rec.state == unborn || !lateFresh && (synced & bit(LATE)) ->
			rec.state = late.state; rec.holder = late.holder; rec.intent = late.intent;
			rec.outcome = late.outcome; rec.free = late.free; rec.was = late.was; rec.tries = late.tries;
			synced = 0;
			world_recorded()
		:: else
		fi;
		forget(late);
		lateSet = 0; lateFresh = 0; synced = synced & ~bit(LATE)
	}
	:: atomic {
		lateLease ->
		if
		:: !(live & bit(lateLease)) -> live = live | bit(lateLease); expired = expired & ~bit(lateLease); reborn = reborn | bit(lateLease)
		:: else
		fi;
		lateLease = 0
	}
	od
}

/* Why a change was refused. Conflict is what is "again" in Go. */
inline compare(s, claimed)
{
	if
	:: rec.holder != id[proc(s)] || rec.intent != job[s].intent && !INTENT_IGNORED -> got = taken
	:: else ->
		if
		:: same(s) -> got = made
		:: !same(s) && claimed -> got = taken
		:: else
		fi;
		if
		:: got != taken -> job[s].fresh = 0; synced = synced | bit(s)
		:: else
		fi
	fi
}

/* A record is changed, by compare-and-set. It is one step with the look at why it was
   refused, and with the change that follows if that was the term's own: what the first
   one saw plays no part in the second. */
inline change(s, claimed)
{
	!txOpen || OUTBOX_EARLY;
	do
	:: one(s);
		if
		:: got == conflict -> compare(s, claimed)
		:: else
		fi;
		if
		:: got != conflict -> break
		:: else
		fi
	od
}

/* ---- leases and terms ---- */

/* The store has the lease before anything else. */
inline newTerm(p)
{
	id[p] = (id[p] == 0 -> p + 1 : id[p] + PROCESSES);
	assert(id[p] < NOBODY);
	live = live | bit(id[p]);
	if
	:: lates > 0 && !lateLease -> lates--; lateLease = id[p]
	:: true
	fi;
	stale[p] = 0; over[p] = 0; term[p] = 1
}

/* A renewal that was made without an answer is found by the next one. A lease that was
   created after it was ended is not: it is another one. */
inline renew(p)
{
	if
	:: !isRenewal(p) -> over[p] = 1
	:: isRenewal(p) -> expired = expired & ~bit(id[p]); stale[p] = 0
	:: isRenewal(p) && (expired & bit(id[p])) && losses > 0 -> losses--; expired = expired & ~bit(id[p])
	fi
}

inline wipe(s)
{
	job[s].state = unborn; job[s].intent = 0; job[s].outcome = 0; job[s].free = 0; job[s].was = 0; job[s].tries = 0;
	job[s].fresh = 0; job[s].called = 0; job[s].placed = 0; job[s].busy = 0; job[s].out = 0;
	synced = synced & ~bit(s)
}

inline letGo(p)
{
	wipe(2 * p); wipe(2 * p + 1);
	held[p] = NONE; term[p] = 0
}

inline resign(p)
{
	if
	:: !isRenewal(p) /* it was lost */
	:: isRenewal(p) -> live = live & ~bit(id[p]); endings++
	:: isRenewal(p) && losses > 0 -> losses--
	fi
}

proctype renewing(byte p) provided (up[home[_pid]])
{
	do
	:: atomic { !term[p] && users[p] > 0 -> newTerm(p) }
	:: atomic { open(p) && stale[p] -> renew(p) }
	:: atomic { term[p] && over[p] && !job[2 * p].busy && !job[2 * p + 1].busy -> letGo(p); resign(p) }
	od
}

inline enter(p) { users[p]++ }

inline leave(p)
{
	users[p]--;
	if
	:: users[p] == 0 -> over[p] = 1
	:: else
	fi
}

#define past(i) (live & expired & bit(i)) && id[p] != i

/* A lease that is over is ended, which is by compare-and-set: not if it was renewed. */
inline sight(p)
{
	if
	:: past(1) -> live = live & ~bit(1)
	:: past(2) -> live = live & ~bit(2)
	:: past(3) -> live = live & ~bit(3)
	:: past(4) -> live = live & ~bit(4)
	:: past(5) -> live = live & ~bit(5)
	:: past(6) -> live = live & ~bit(6)
	:: past(7) -> live = live & ~bit(7)
	:: past(8) -> live = live & ~bit(8)
	:: past(9) -> live = live & ~bit(9)
	fi;
	endings++
}

/* ---- jobs in memory ---- */

/* A job that is in a queue stays there. */
inline drop(s)
{
	if
	:: held[proc(s)] == s -> held[proc(s)] = NONE
	:: else
	fi
}

inline place(s) { job[s].placed = 1 }

/* Nobody works on a copy any more. */
inline world_rest(s)
{
	job[s].busy = 0;
	if
	:: vacant(s) -> wipe(s)
	:: else
	fi
}

inline world_slot(p, s)
{
	s = (vacant(2 * p) -> 2 * p : 2 * p + 1);
	assert(vacant(s));
	job[s].busy = 1
}

/* A copy of the record, with its revision. */
inline world_copy(p, s)
{
	world_slot(p, s);
	job[s].state = rec.state; job[s].intent = rec.intent; job[s].was = rec.was; job[s].tries = rec.tries;
	synced = synced | bit(s)
}

/* What was set aside goes on where it was; what ended Unconfirmed is read again. */
inline revive(s)
{
	if
	:: job[s].state == aside && (job[s].was == queued || RETRY_SENDS) -> move(s, enqueues)
	:: job[s].state == aside && job[s].was == sending && !RETRY_SENDS -> move(s, orphans)
	:: else -> move(s, rereads)
	fi;
	job[s].was = 0
}

/* Stays says that the job stays here although there is no Run. */
inline claim(p, s, stays)
{
	atomic {
		if
		:: held[p] != NONE || !open(p) -> got = taken
		:: else ->
			held[p] = s;
			if
			:: job[s].state == sending && !LOST_IS_UNSENT -> move(s, orphans)
			:: job[s].state == sending && LOST_IS_UNSENT -> job[s].state = queued
			:: else
			fi;
			change(s, true);
			if
			:: got == made && (stays || running(p)) -> place(s)
			:: else -> drop(s)
			fi
		fi;
		world_rest(s); s = 0
	}
}

/* A Run takes over jobs whose holder is gone, and takes in what came to the outbox. */
inline takeOver(p, s)
{
	atomic {
		open(p) && running(p) && pendingState && held[p] == NONE && (vacant(2 * p) || vacant(2 * p + 1)) && dead(p, rec.holder) ->
		world_copy(p, s)
	}
	claim(p, s, true)
}

proctype watching(byte p) provided (up[home[_pid]])
{
	byte s;
	do
	:: atomic { open(p) && (live & expired & ~bit(id[p])) -> sight(p) }
	:: takeOver(p, s)
	od
}

/* ---- the steps of a job ---- */

/* The step is over. On says that it is not. */
inline world_done(s) { world_rest(s); on = 0 }

/* The job is recorded as being sent. Go says that the write follows. */
inline send(s)
{
	atomic {
		move(s, begins); job[s].called = 0;
		if
		:: SEND_FIRST -> got = made
		:: else -> change(s, false)
		fi;
		if
		:: got == made -> go = 1
		:: got == taken -> drop(s); world_done(s)
		:: got == unknown -> move(s, spares); place(s); world_done(s)
		fi
	}
}

/* A job that was being sent when its holder died is recorded as ours, and being sent. */
inline resend(s)
{
	atomic {
		change(s, false);
		if
		:: got == made -> go = 1
		:: got == taken -> drop(s); world_done(s)
		:: got == unknown -> place(s); world_done(s)
		fi
	}
}

/* The job stands as it stands: that is recorded, for as long as it takes. */
inline save(s)
{
	atomic {
		change(s, false);
		if
		:: got == taken -> drop(s)
		:: else -> place(s)
		fi;
		world_done(s)
	}
}

inline conclude(s, what, isFree)
{
	job[s].outcome = what; job[s].free = isFree;
	move(s, concludes)
}

inline finish(s)
{
	atomic {
		change(s, false);
		if
		:: got == unknown -> place(s)
		:: else -> drop(s)
		fi;
		world_done(s)
	}
}

/* Code of the program panicked. */
inline setAside(s)
{
	panics--;
	if
	:: job[s].state == unborn || job[s].state == sending && !job[s].called -> job[s].was = queued
	:: job[s].state == lost || job[s].state == sending && job[s].called -> job[s].was = sending; broken++
	:: else -> job[s].was = job[s].state
	fi;
	move(s, breaks)
}

inline leaveAside(s)
{
	atomic {
		change(s, false);
		if
		:: got == unknown -> place(s)
		:: else -> drop(s)
		fi;
		world_done(s)
	}
}

/* Nothing was sent. */
inline unsent(s)
{
	if
	:: job[s].state == lost -> place(s); world_done(s)
	:: else -> move(s, spares)
	fi
}

/* It is proven that the try was not carried out: there is another one, or the job is
   given up, and its key is free unless the service has looked at the job. */
inline tryLater(s)
{
	if
	:: conclude(s, Failed, 1)
	:: conclude(s, Failed, 0)
	:: job[s].tries++; move(s, spares)
	fi
}

/* The write, whose record says that it is being sent. The process may be paused between
   the last look at its lease and the request, and before it hears the answer. What
   follows is recorded by save, finish or leaveAside. */
inline write(s)
{
	atomic {
		if
		:: !valid(proc(s)) || job[s].state == lost && !mayResend(s) -> unsent(s); go = 0
		:: else ->
			/* Who may send knows that nobody has taken over. */
			assert(SEND_FIRST || rec.holder == id[proc(s)] && rec.intent == job[s].intent && rec.state == sending)
		fi
	}
	if
	:: go ->
		atomic {
			if
			:: over[proc(s)] -> unsent(s); go = 0
			:: refusals > 0 -> refusals--; go = 0;
				if
				:: job[s].state == lost -> move(s, replies)
				:: else -> tryLater(s)
				fi
			:: panics > 0 -> setAside(s); go = 0
			:: job[s].called = 1; job[s].out = 1; world_send(job[s].intent)
			fi
		}
	:: else
	fi;
	if
	:: go && SEND_FIRST -> atomic { change(s, false) }
	:: else
	fi;
	if
	:: go ->
		atomic {
			job[s].out = 0; go = 0;
			if
			:: world_execute(job[s].intent); move(s, replies)
			:: !executed[job[s].intent] -> sends[job[s].intent]--;
				if
				:: job[s].state == lost -> move(s, replies)
				:: else -> conclude(s, Failed, 0)
				fi
			:: !executed[job[s].intent] && refusals > 0 -> refusals--; sends[job[s].intent]--;
				if
				:: job[s].state == lost -> move(s, replies)
				:: else -> tryLater(s)
				fi
			:: pending[job[s].intent]++;
				if
				:: SILENCE_IS_REFUSAL -> conclude(s, Failed, 0)
				:: else -> move(s, replies)
				fi
			:: panics > 0 -> pending[job[s].intent]++; setAside(s)
			fi
		}
	:: else
	fi
}

/* The job is read back: it is shown, or it is not shown in time. Where Resubmit allows it,
   what is not shown is sent again instead. */
inline visit(s)
{
	if
	:: executed[job[s].intent] -> conclude(s, Confirmed, 0)
	:: conclude(s, Unconfirmed, 0)
	:: mayResend(s) && valid(proc(s)) -> go = 1
	:: panics > 0 -> setAside(s)
	fi
}

/* What may be sent waits for a lease that is valid. */
#define due(s) (job[s].placed && open(proc(s)) && (job[s].state != unborn && job[s].state != queued || valid(proc(s))))

inline step(s)
{
	atomic {
		due(s) -> job[s].placed = 0; job[s].busy = 1; on = 1;
		if
		:: job[s].state == lost || job[s].state == answered -> visit(s)
		:: else
		fi
	}
	if
	:: job[s].state == unborn || job[s].state == queued -> send(s)
	:: go -> go = 0; resend(s)
	:: else
	fi;
	if
	:: go -> write(s)
	:: else
	fi;
	if
	:: !on
	:: on && job[s].state == ended -> finish(s)
	:: on && job[s].state == aside -> leaveAside(s)
	:: else -> save(s)
	fi
}

proctype dispatching(byte s) provided (up[home[_pid]])
{
	bit go, on;
	do
	:: step(s)
	od
}

/* ---- callers ---- */

/* A job of the call's own, of which nothing is recorded, or what is recorded leaves the
   key free: then the revision of that is expected. */
inline newJob(p, s, k, freed)
{
	world_slot(p, s);
	job[s].intent = k; job[s].fresh = !freed;
	synced = (freed && (synced & bit(CALLER + k)) -> synced | bit(s) : synced);
	held[p] = s
}

/* What the store says of a job that is not held here: it is taken over, or up again, or
   waited for, or has an outcome. */
inline ask(p, s, k, what)
{
	atomic {
		if
		:: rec.state == unborn -> known = 0
		:: rec.state == ended && rec.free && !joined && !ours(k) -> known = 0; freed = 1; synced = synced | bit(CALLER + k)
		:: rec.state == ended && rec.outcome == Unconfirmed && !joined || rec.state == aside && !joined ->
			if
			:: held[p] == NONE && open(p) -> world_copy(p, s); revive(s); joined = 1; what = claims
			:: else
			fi
		:: rec.state == ended && (joined || rec.free && ours(k) || !rec.free && rec.outcome != Unconfirmed) || rec.state == aside && joined -> what = returns
		:: pendingState ->
			joined = 1;
			if
			:: held[p] == NONE && open(p) && dead(p, rec.holder) -> world_copy(p, s); what = claims
			:: else -> synced = synced | bit(CALLER + k); what = waits
			fi
		fi
	}
}

/* Submit joins the job, or begins it, and waits for its outcome. */
proctype submit(byte p; byte k) provided (up[home[_pid]])
{
	byte s;
	byte i; /* the job here that is waited for */
	mtype what;
	bit known, joined, freed;
	atomic { enter(p) }
	do
	:: quits > 0 -> quits--; break
	:: atomic {
		open(p) ->
		if
		:: held[p] != NONE -> i = job[held[p]].intent; known = 1
		:: held[p] == NONE && !known -> newJob(p, s, k, freed); place(s); world_rest(s); s = 0; known = 1; i = k
		:: else -> i = 0
		fi
		}
		if
		:: i ->
			if
			:: held[p] == NONE || job[held[p]].intent != i
			:: quits > 0 -> quits--; break
			fi;
			joined = joined || recorded[i]
		:: else
		fi;
		ask(p, s, k, what);
		if
		:: what == claims -> claim(p, s, true)
		:: what == waits ->
			if
			:: !(synced & bit(CALLER + k)) || held[p] != NONE || dead(p, rec.holder)
			:: quits > 0 -> quits--; break
			fi
		:: what == returns -> break
		:: else
		fi;
		atomic { what = 0; i = 0 }
	od;
	atomic { leave(p); what = 0; i = 0; known = 0; joined = 0; freed = 0 }
}

/* The intent is recorded. Ack says that it is. */
inline enqueue(p, s)
{
	atomic {
		if
		:: job[s].state == unborn -> move(s, enqueues)
		:: else
		fi;
		change(s, false);
		if
		:: got == made && running(p) -> place(s)
		:: got == made && !running(p) || got == taken -> drop(s)
		:: else
		fi;
		ack = (got == made); again = (got == unknown && !over[p]);
		if
		:: !again -> world_rest(s); s = 0
		:: else
		fi
	}
}

/* A job that waits here, and was cancelled, is forgotten. */
inline dropQueued(p, k)
{
	if
	:: held[p] != NONE && job[held[p]].state == queued && (job[held[p]].intent == k || DROP_ANY) -> held[p] = NONE
	:: else
	fi
}

/* Who enqueues is told that the job is recorded: it was at some time since the call. */
inline world_promise(k)
{
	assert(seen & bit(k));
	promised = 1
}

/* Whether the store has the job. If it says that the key is free, what waits here under it
   was cancelled. */
inline stored(p, k)
{
	atomic {
		if
		:: rec.state != unborn && (!rec.free || ours(k)) -> ack = 1
		:: rec.state != unborn && rec.free && !ours(k) -> freed = 1; synced = synced | bit(CALLER + k); dropQueued(p, rec.intent)
		:: else
		fi
	}
}

proctype Enqueue(byte p; byte k) provided (up[home[_pid]])
{
	byte s;
	byte i; /* the job here that is joined */
	bit ack, freed, again;
	atomic {
		enter(p);
		seen = seen & ~bit(k) | (rec.state != unborn && !rec.free -> bit(k) : 0)
	}
	do
	:: atomic {
		open(p) ->
		if
		:: held[p] != NONE -> i = job[held[p]].intent
		:: else -> i = 0; newJob(p, s, k, freed)
		fi
		}
		if
		:: i && HELD_IS_RECORDED ->
			if
			:: held[p] == NONE || job[held[p]].intent != i -> stored(p, k)
			:: held[p] != NONE && job[held[p]].intent == i && !job[held[p]].fresh -> ack = 1
			fi
		:: i && !HELD_IS_RECORDED ->
			(held[p] == NONE || job[held[p]].intent != i || !job[held[p]].fresh) -> stored(p, k)
		:: else ->
			do
			:: enqueue(p, s);
				if
				:: !again -> break
				:: else
				fi
			od;
			if
			:: !ack -> stored(p, k)
			:: else
			fi
		fi;
		if
		:: ack -> break
		:: else
		fi
	od;
	atomic { world_promise(k); leave(p); i = 0; ack = 0; freed = 0; again = 0 }
}

/* Cancel is a compare-and-set from queued. */
proctype Cancel(byte p) provided (up[home[_pid]])
{
	byte k;
	bit done;
	do
	:: atomic {
		rec.state == queued || rec.state == aside && rec.was == queued ->
		k = rec.intent; synced = synced | bit(OPERATOR)
		}
		atomic {
			!txOpen || OUTBOX_EARLY ->
			if
			:: (synced & bit(OPERATOR)) || BLIND_CANCEL ->
				after(rec.state, concludes);
				rec.holder = NOBODY; rec.outcome = Failed; rec.free = 1; rec.was = 0; rec.tries = 0;
				synced = 0;
				world_recorded();
				done = 1;
				break
			:: else
			fi
		}
	:: break
	od;
	if
	:: done -> atomic { dropQueued(p, k); k = 0; done = 0 }
	:: else
	fi
}

/* Retry goes on with what was set aside, and reads what ended Unconfirmed once more. It is
   no consent. */
proctype Retry(byte p) provided (up[home[_pid]])
{
	byte s;
	atomic { rec.state == aside || rec.state == ended && rec.outcome == Unconfirmed -> enter(p) }
	if
	:: atomic {
		open(p) && (rec.state == aside || rec.state == ended && rec.outcome == Unconfirmed) &&
		held[p] == NONE && (vacant(2 * p) || vacant(2 * p + 1)) ->
		world_copy(p, s); revive(s)
		}
		claim(p, s, false)
	:: rec.state != aside && !(rec.state == ended && rec.outcome == Unconfirmed)
	fi;
	atomic { leave(p) }
}

/* A transaction records the job, if nobody has. Nobody sees that before it commits, which
   may be late, or never; until then the row is locked. */
proctype EnqueueTx(byte k)
{
	bit joins;
	atomic {
		txOpen = 1;
		if
		:: rec.state == unborn || rec.free ->
			if
			:: OUTBOX_EARLY -> rec.state = queued; rec.holder = OUTBOX; rec.intent = k; rec.outcome = 0; rec.free = 0; synced = 0
			:: else
			fi
		:: else -> joins = 1; txOpen = 0
		fi
	}
	atomic {
		if
		:: joins -> promised = 1
		:: !joins && !OUTBOX_EARLY ->
			rec.state = queued; rec.holder = OUTBOX; rec.intent = k; rec.outcome = 0; rec.free = 0;
			synced = 0;
			world_recorded();
			promised = 1
		:: true /* rolled back */
		fi;
		txOpen = 0; joins = 0
	}
}

/* ---- what happens by itself ---- */

#define current(p) (up[p] && term[p] -> bit(id[p]) : 0)
#define departed (live & ~expired & ~(current(0) | current(1) | current(2)))

/* Whoever does nothing and holds nothing may pause unnoticed. */
#define atWork(p) (open(p) && !stale[p] && !(vacant(2 * p) && vacant(2 * p + 1)))

/* Time passes: leases that nobody renews are over, and a pause of a living process may be
   as long. */
proctype world_clock()
{
	do
	:: atomic { departed -> expired = expired | departed }
	:: atomic {
		lapses > 0 && (atWork(0) || atWork(1) || atWork(2)) ->
		if
		:: atWork(0) -> stale[0] = 1; expired = expired | bit(id[0])
		:: atWork(1) -> stale[1] = 1; expired = expired | bit(id[1])
		:: atWork(2) -> stale[2] = 1; expired = expired | bit(id[2])
		fi;
		lapses--
	}
	od
}

/* A request whose answer nobody hears is carried out late, or never. */
proctype world_service()
{
	do
	:: atomic { pending[1] -> pending[1]--; if :: world_execute(1) :: true fi }
	:: atomic { pending[2] -> pending[2]--; if :: world_execute(2) :: true fi }
	od
}

inline world_kill(p)
{
	up[p] = 0;
	pending[1] = pending[1] + (job[2 * p].out && job[2 * p].intent == 1) + (job[2 * p + 1].out && job[2 * p + 1].intent == 1);
	pending[2] = pending[2] + (job[2 * p].out && job[2 * p].intent == 2) + (job[2 * p + 1].out && job[2 * p + 1].intent == 2);
	wipe(2 * p); wipe(2 * p + 1);
	held[p] = NONE; users[p] = 0; term[p] = 0; over[p] = 1; runs[p] = 0; stale[p] = 0
}

/* A process is killed, or a Run ends. */
proctype world_crash()
{
	do
	:: atomic { crashes > 0 && up[0] -> crashes--; world_kill(0) }
	:: atomic { crashes > 0 && up[1] -> crashes--; world_kill(1) }
	:: atomic { crashes > 0 && runs[1] -> crashes--; runs[1] = 0; leave(1) }
	od
}

#define resting (vacant(0) && vacant(1) && vacant(2) && vacant(3) && vacant(4) && vacant(5))

/* In the end, when nothing happens any more, every job that was recorded has an outcome, or
   was set aside; and nobody is still at something. */
proctype world_end()
{
	timeout ->
	assert(rec.state == ended || rec.state == aside || rec.state == unborn && !promised);
	assert(resting);
	assert((!sends[1] || recorded[1]) && (!sends[2] || recorded[2])); /* nothing is sent unrecorded */
	assert(!lateSet && !txOpen && !pending[1] && !pending[2])
}

init {
	byte i, n;
	atomic {
		c_code {
			now.SUBMIT = setting("SUBMIT");
			now.ENQUEUE = setting("ENQUEUE");
			now.JOIN = setting("JOIN");
			now.AGAIN = setting("AGAIN");
			now.CANCEL = setting("CANCEL");
			now.RETRY = setting("RETRY");
			now.ENQUEUE_TX = setting("ENQUEUE_TX");
			now.RESUBMIT = setting("RESUBMIT");
			now.losses = setting("LOSSES");
			now.lapses = setting("LAPSES");
			now.crashes = setting("CRASHES");
			now.refusals = setting("REFUSALS");
			now.panics = setting("PANICS");
			now.quits = setting("QUITS");
			now.EARLY_TAKEOVER = setting("EARLY_TAKEOVER");
			now.SEND_FIRST = setting("SEND_FIRST");
			now.BLIND_CANCEL = setting("BLIND_CANCEL");
			now.RETRY_SENDS = setting("RETRY_SENDS");
			now.OUTBOX_EARLY = setting("OUTBOX_EARLY");
			now.OWN_NOT_LEFT = setting("OWN_NOT_LEFT");
			now.LOST_IS_UNSENT = setting("LOST_IS_UNSENT");
			now.DROP_ANY = setting("DROP_ANY");
			now.HELD_IS_RECORDED = setting("HELD_IS_RECORDED");
			now.SILENCE_IS_REFUSAL = setting("SILENCE_IS_REFUSAL");
			now.INTENT_IGNORED = setting("INTENT_IGNORED");
			now.MADE_AGAIN = setting("MADE_AGAIN");
			now.LATE_IS_RENEWED = setting("LATE_IS_RENEWED");
			now.lates = setting("LATES");
		}
		for (i : 1 .. 2) { runs[i] = 1; users[i] = 1 }
		for (i : 0 .. 5) { n = run dispatching(i); home[n] = proc(i) }
		for (i : 0 .. 2) { n = run renewing(i); home[n] = i; n = run watching(i); home[n] = i }
		run world_late(); run world_clock(); run world_service(); run world_crash(); run world_end();
		if :: SUBMIT -> n = run submit(0, 1); home[n] = 0 :: else fi;
		if :: ENQUEUE -> n = run Enqueue(0, 1); home[n] = 0 :: else fi;
		if :: JOIN -> n = run submit(1, 2); home[n] = 1 :: else fi;
		if :: AGAIN -> n = run Enqueue(1, 1); home[n] = 1; n = run Enqueue(1, 2); home[n] = 1 :: else fi;
		if :: CANCEL -> n = run Cancel(CANCEL); home[n] = CANCEL :: else fi;
		if :: RETRY -> n = run Retry(1); home[n] = 1 :: else fi;
		if :: ENQUEUE_TX -> run EnqueueTx(1) :: else fi;
		i = 0; n = 0
	}
}
