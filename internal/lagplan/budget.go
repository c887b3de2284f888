package lagplan

import "math"

const (
	firstPrice = 0.010 // seconds
	leastPrice = 1e-7
	mostPrice  = 60.

	trialFlows = 30   // flows in which the price follows the reads alone
	trialStep  = 0.05 // change of the price's logarithm for each read too many
	trimStep   = 0.02 // the same for the trim, for a flow of twice the reads
	mostTrim   = 4.
	mostMove   = 1.5 // change of the logarithm between two plans
)

// Budget finds the price at which flows take so many reads on average: the
// multiplier of Lagrange for that constraint. It is not safe for concurrent
// use.
//
// At first the price simply follows the reads of each flow. Later it follows
// the mean that the plans foretell, which has no noise, and a trim that follows
// the reads corrects what the plans get wrong.
type Budget struct {
	Reads float64 // wanted mean reads of a flow
	Price float64 // seconds, before the trim; zero means 10 ms
	Trim  float64 // factor on the price; zero means 1
	Flows int     // flows counted

	moved float64 // change of the logarithm since the last plan
}

// Now returns the price of a read, in seconds.
func (b *Budget) Now() float64 {
	b.fill()
	return clamp(b.Price*b.Trim, leastPrice, mostPrice)
}

// Count takes in the reads of a flow whose lag ended. Flows in flight share a
// plan, so however many end before the next one is made, together they move the
// price only so far.
func (b *Budget) Count(reads int) {
	b.fill()
	b.Flows++
	step := trialStep
	if b.Flows > trialFlows {
		step = trimStep / b.Reads
	}
	was := b.moved
	b.moved = clamp(was+step*(float64(reads)-b.Reads), -mostMove, mostMove)
	factor := math.Exp(b.moved - was)
	if b.Flows > trialFlows {
		b.Trim = clamp(b.Trim*factor, 1/mostTrim, mostTrim)
	} else {
		b.Price = clamp(b.Price*factor, leastPrice, mostPrice)
	}
}

// Planned takes in the mean reads of a plan that was made at the price now.
// Mean reads fall about as the square root of the price rises, so the trim's
// part is taken out with its root, and the step below is one of Newton's,
// shortened.
func (b *Budget) Planned(reads float64) {
	b.fill()
	b.moved = 0
	if b.Flows < trialFlows {
		return
	}
	untrimmed := reads * math.Sqrt(b.Trim)
	b.Price *= clamp(math.Pow(untrimmed/b.Reads, 1.5), 0.5, 100)
	b.Price = clamp(b.Price, leastPrice, mostPrice)
}

func (b *Budget) fill() {
	if b.Price == 0 {
		b.Price = firstPrice
	}
	if b.Trim == 0 {
		b.Trim = 1
	}
}

// Valid reports whether a stored budget is one that can be gone on with.
func (b *Budget) Valid() bool {
	return b.Flows >= 0 &&
		(b.Price == 0 || b.Price >= leastPrice && b.Price <= mostPrice) &&
		(b.Trim == 0 || b.Trim >= 1/mostTrim && b.Trim <= mostTrim)
}
