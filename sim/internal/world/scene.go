package world

import (
	"net/http"
	"time"
)

// Scene is a world that a rule is for, and that chance makes too seldom.
type Scene uint8

const (
	NoScene   Scene = iota
	Located         // the Location of a 202 is the operation, which may end as what was made
	Beside          // a client returns a value beside its error
	Failover        // a client tells in one error of two tries, the first of which it does not understand
	Fields          // a generated client returns its answers in fields, and statuses are in bodies
	Shards          // whether the write was carried out is known to one of those who are asked, and another fails
	Nowhere         // the handle of a deletion names nothing, and another's thing is listed
	Old             // a handle of version 1, after a call of several tries
	Mistaken        // a service says of its operations 410 where others say 503
	Unnamed         // no operation is named, by a 404 to a deletion or a redirect
	Senseless       // the write is invalid before it is sent
	OneBody         // the write's body can be had once
	Tagged          // things have an ETag, of which the mark of a weak one may be all
	Overdue         // what to wait is over
	Broken          // nothing but outages until the end
	Passing         // reads are forbidden between two tries
	Impatient       // the next try would come after the end
	Forgetful       // an outage between two tries, after which nothing is known
	Led             // a client follows a redirect to what is not yet there
	Barred          // what was made may not be read where it is
	Plainly         // what was made is named by its Location alone
	Endlessly       // bodies do not end
	Throttled       // reads meet a rate limit, for longer than permissions lag

	// Of jobs that processes submit:
	Reread    // one ended unconfirmed, with no room for its handle, and comes again
	Leaving   // a program enqueues without a pause, and runs nothing
	Recalled  // a cancellation is slow to return, and the key is used again meanwhile
	Hidden    // the store is slow to say that it has recorded a job, which is cancelled meanwhile
	Withdrawn // a job that waits is cancelled elsewhere, and enqueued again
	Crowded   // many are to be sent again after a crash
	scenes
)

// sceneShare is how many flows are scenes, jobShare how many of those are of jobs, which
// take longer, and sceneStream the stream of dice that these are drawn with.
const (
	sceneShare  = 0.2
	jobShare    = 0.1
	sceneStream = 37
)

// Stage makes the world a scene, if it is one of those.
func (s *Spec) Stage() {
	if d := NewDice(s.Seed, sceneStream); d.Chance(sceneShare) {
		scene := Scene(1 + d.IntN(int(Reread)-1))
		if d.Chance(jobShare) {
			scene = Reread + Scene(d.IntN(int(scenes-Reread)))
		}
		s.beginScene(d, scene)
		s.stage(d)
	} else if d := NewDice(s.Seed, wordStream); d.Chance(wordShare) {
		s.beginScene(d, scenes+Scene(d.IntN(int(wordScenes-scenes))))
		s.stageWords(d)
	}
}

// beginScene leaves of the world what each scene has.
func (s *Spec) beginScene(d Dice, scene Scene) {
	*s = Spec{
		Seed: s.Seed, Scene: scene, Wide: true, OldErrors: s.OldErrors,
		Goal: OneOf(d, Create, Create, Update), Pace: d.Between(time.Millisecond, 50*time.Millisecond),
	}
	lag := d.Between(300*time.Millisecond, 3*time.Second)
	for range OneOf(d, 1, 1, 2, 3) {
		s.Lags = append(s.Lags, d.Between(lag/2, lag))
	}
}

// after returns a fate that is answered so, and carried out then.
func after(d Dice, answer int, runs ...time.Duration) Fate {
	return Fate{Took: d.Between(time.Millisecond, 200*time.Millisecond), Answer: answer, Runs: runs}
}

// drawn is what several scenes have.
type drawn struct {
	soon    time.Duration
	refused int // the status of a refusal
	doubt   int // the status of an answer that proves nothing
	good    int
}

func (s *Spec) stage(d Dice) {
	has := drawn{
		soon:    d.Between(time.Millisecond, 5*time.Second),
		refused: OneOf(d, 400, 409, 412, 422),
		doubt:   OneOf(d, 500, 502, 503, 504, Lost),
		good:    http.StatusOK,
	}
	if s.Goal == Create {
		has.good = http.StatusCreated
	}
	if s.Scene >= Reread {
		s.stageJob(d, has.good)
		return
	}
	stages[s.Scene](s, d, has)
}

// stages make the world each scene that is of no jobs.
var stages = [Reread]func(s *Spec, d Dice, has drawn){
	Located: func(s *Spec, d Dice, has drawn) {
		s.Goal = Create
		fate := after(d, 202)
		if fate.Monitor = true; d.Chance(0.6) {
			fate.Fails = has.soon
		} else {
			fate.Runs = []time.Duration{has.soon}
		}
		s.Fates = []Fate{fate}
		s.Ending = Ending(d.IntN(int(endings)))
	},
	Beside: func(s *Spec, d Dice, has drawn) {
		s.Goal = OneOf(d, Create, Create, Create, Update, Delete)
		s.Foreign = 1
		s.Fates = []Fate{OneOf(d, after(d, has.refused), after(d, has.refused), after(d, has.doubt), after(d, Lost, 0), after(d, Lost, 0), after(d, Lost, has.soon), after(d, has.doubt, has.soon))}
	},
	Failover: func(s *Spec, d Dice, has drawn) {
		s.Fates = []Fate{OneOf(d, after(d, has.doubt, 0), after(d, has.doubt, has.soon), after(d, has.doubt)), after(d, has.refused)}
	},
	Fields: func(s *Spec, d Dice, has drawn) {
		s.Goal, s.Wrapped = OneOf(d, Create, Update, Delete), true
		s.Fates = []Fate{OneOf(d, after(d, has.good, 0), after(d, has.good, 0), after(d, has.refused), after(d, 503, has.soon), after(d, 503))}
	},
	Shards: func(s *Spec, d Dice, has drawn) {
		s.Fates = []Fate{OneOf(d, after(d, has.doubt, 0), after(d, has.doubt, has.soon), after(d, has.doubt))}
	},
	Nowhere: func(s *Spec, d Dice, has drawn) {
		s.Goal = Delete
		s.Fates = []Fate{OneOf(d, after(d, Lost, has.soon), after(d, Lost, 0), after(d, 503, has.soon), after(d, 503))}
	},
	Old: func(s *Spec, d Dice, has drawn) {
		s.Fates = []Fate{after(d, has.doubt, OneOf(d, 0, has.soon)), after(d, has.doubt)}
	},
	Mistaken: func(s *Spec, d Dice, has drawn) {
		s.Goal = Create
		fate := after(d, 202, has.soon)
		fate.Monitor = true
		s.Fates, s.Reads = []Fate{fate}, Dialect{{410, 503}}
		s.Calm, s.Faults = time.Minute, []Fault{{Chance: 0.4, Answer: 503}}
	},
	Unnamed: func(s *Spec, d Dice, has drawn) {
		if s.Goal = OneOf(d, Create, Delete); s.Goal == Delete {
			s.Fates = []Fate{after(d, 404, 0)}
		} else {
			s.Fates = []Fate{after(d, OneOf(d, 301, 302, 303), OneOf(d, 0, has.soon))}
		}
	},
	Senseless: func(s *Spec, d Dice, has drawn) {
		s.Fates = []Fate{after(d, has.good, 0)}
	},
	OneBody: func(s *Spec, d Dice, has drawn) {
		s.Fates = []Fate{after(d, OneOf(d, Unreached, 429, 503)), after(d, has.good, 0)}
		s.Fates[0].RetryAfter = OneOf(d, "", "0", "1")
	},
	Tagged: func(s *Spec, d Dice, has drawn) {
		s.Goal = Update
		s.Fates, s.Tag = []Fate{after(d, has.good, 0)}, OneOf(d, `W/"%s"`, `"%s"`, "W/")
	},
	Overdue: func(s *Spec, d Dice, has drawn) {
		fate := after(d, OneOf(d, 202, 503), has.soon)
		fate.Monitor = fate.Answer == 202
		s.Fates = []Fate{fate}
		s.Calm, s.Faults = 5*time.Second, []Fault{{Chance: 0.3, Answer: 503}}
	},
	Broken: func(s *Spec, d Dice, has drawn) {
		s.Fates = []Fate{after(d, has.good, 0)}
		s.Slow = d.Between(10*time.Millisecond, 10*time.Second)
		s.Calm, s.Faults = time.Hour, []Fault{{Chance: OneOf(d, 0.5, 1), Answer: OneOf(d, 503, 429, Lost)}}
	},
	Passing: func(s *Spec, d Dice, has drawn) {
		s.Fates = []Fate{after(d, 503, 0), after(d, has.good, 0)}
		s.KeyFor, s.Denied, s.Lags = 5*time.Minute, d.Between(20*time.Second, time.Minute), []time.Duration{0}
	},
	Impatient: func(s *Spec, d Dice, has drawn) {
		s.Fates = []Fate{after(d, has.doubt, OneOf(d, 0, 0, has.soon))}
		s.KeyFor = 5 * time.Minute
	},
	Forgetful: func(s *Spec, d Dice, _ drawn) {
		s.Wide, s.Goal, s.Amnesia = false, Delete, true
		s.Fates, s.KeyFor = []Fate{after(d, 503), after(d, 503), after(d, 503)}, 5*time.Minute
		s.Calm, s.Faults = time.Hour, []Fault{{Chance: 0.5, Answer: 503}}
	},
	Led: func(s *Spec, d Dice, _ drawn) {
		s.Goal = Create
		s.Fates = []Fate{after(d, OneOf(d, 301, 302, 303), 0)}
	},
	Barred: func(s *Spec, d Dice, has drawn) {
		s.Goal, s.Foreign, s.Elsewhere = Create, 1, true
		s.Fates = []Fate{after(d, OneOf(d, has.good, 201), 0)}
	},
	Plainly: func(s *Spec, d Dice, _ drawn) {
		s.Goal = Create
		s.Fates = []Fate{after(d, 201, 0)}
	},
	Endlessly: func(s *Spec, d Dice, has drawn) {
		s.Fates = []Fate{after(d, has.good, 0)}
		s.Calm, s.Bodies = time.Hour, Bodies{Chance: 0.7, How: []Arrival{Stalled, Endless}}
	},
	Throttled: func(s *Spec, d Dice, has drawn) {
		s.Fates = []Fate{after(d, has.good, 0)}
		s.Calm, s.Faults = d.Between(20*time.Second, 40*time.Second), []Fault{{Chance: 1, Answer: 403, Limited: true}}
	},
}

// stageJob is stage for jobs.
func (s *Spec) stageJob(d Dice, good int) {
	switch s.Scene {
	case Reread:
		s.Lags, s.KeyFor = []time.Duration{d.Between(10*time.Minute, 30*time.Minute)}, 2*time.Hour
		s.Fates = []Fate{after(d, good, 0)}
	case Leaving, Hidden:
		s.Fates = []Fate{after(d, good, 0)}
	case Recalled, Withdrawn:
		for range 4 + d.IntN(8) {
			s.Fates = append(s.Fates, after(d, http.StatusTooManyRequests))
		}
		s.Fates = append(s.Fates, after(d, good, 0))
	case Crowded:
		s.Fates, s.KeyFor = []Fate{after(d, Lost), after(d, good, 0)}, 2*time.Hour
		s.Fates[0].Took, s.Fates[1].Took = d.Between(2*time.Second, 5*time.Second), d.Between(time.Second, 5*time.Second)
	}
}

// Ending is how an operation ends that is at the Location of a 202.
type Ending uint8

const (
	Deep      Ending = iota // its state is deeper in the body than anybody looks
	Provision               // its state is that of a resource
	Number                  // an error is a number, and zero is none
	endings
)

// ending answers how far an operation is that is at the Location of a 202.
func (w *World) ending(plain Reply) Reply {
	failed := false
	switch plain.Body {
	case `{"status":"running"}`:
		return Reply{Status: http.StatusAccepted}
	case `{"status":"failed"}`:
		failed = true
	}
	state, number := "Succeeded", "0"
	if failed {
		state, number = "Failed", "7"
	}
	switch w.Ending {
	case Deep:
		plain.Body, plain.failing = `{"result":{"lastState":"`+state+`"}}`, false // which nobody can know
	case Number:
		plain.Body = `{"done":true,"error":` + number + `}`
	}
	return plain
}

// provision answers how far a thing is that is at the Location of a 202 before it is
// there.
func (w *World) provision(id string, seen bool, now time.Time) Reply {
	plain := w.operationOf(now)
	switch {
	case seen:
		return Reply{Status: http.StatusOK, Body: `{"id":"` + id + `","value":1,"properties":{"provisioningState":"Succeeded"}}`}
	case plain.failing:
		plain.Body = `{"id":"` + id + `","properties":{"provisioningState":"Failed"}}`
		return plain
	}
	return Reply{Status: http.StatusAccepted}
}
