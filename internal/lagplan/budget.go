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

// Budget finds the price of a read at which flows take the wanted number of reads on average:
// the Lagrange multiplier of that constraint. It is not safe for concurrent use.
//
// At first the price follows the reads of each flow. Later it follows the mean that plans
// predict, which has no noise; and a factor, the trim, follows the real reads and corrects
// the errors of the plans.
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

// Count notes the reads of a flow whose lag ended. Flows under way share a plan, so all flows
// that end before the next plan move the price by at most mostMove together.
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

// Planned notes the mean reads of a plan that was made at the current price. Mean reads are
// about proportional to 1/√price, so √trim removes the effect of the trim; the step that
// follows is a shortened Newton step.
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

// Valid reports whether a stored budget is valid.
func (b *Budget) Valid() bool {
	return b.Flows >= 0 &&
		(b.Price == 0 || b.Price >= leastPrice && b.Price <= mostPrice) &&
		(b.Trim == 0 || b.Trim >= 1/mostTrim && b.Trim <= mostTrim)
}
