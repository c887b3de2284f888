package play

func (f *flow) kinds() { f.do() }
