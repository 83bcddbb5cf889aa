package tokenizer

// Universal returns the Universal part of speech that a word with this tag most
// often has. Tokenizer.UPOS, which looks at the sentence, is right more often.
func (p POS) Universal() UPOS {
	switch p {
	case N, NG, T, TG, S, J, AN, VN, Q:
		return UPOSNOUN
	case NR, NRFG, NRT, NS, NT, NZ:
		return UPOSPROPN
	case V, VG, VI, VQ, VD, I, L, DF:
		return UPOSVERB
	case A, AG, B, Z, ZG:
		return UPOSADJ
	case R, RG, RR, RZ:
		return UPOSPRON
	case M, MG, MQ:
		return UPOSNUM
	case D, DG, AD:
		return UPOSADV
	case P, F:
		return UPOSADP
	case C:
		return UPOSCCONJ
	case U, UD, UJ, UV, Y, H, K:
		return UPOSPART
	case UL, UZ, UG:
		return UPOSAUX
	case E, O:
		return UPOSINTJ
	case W:
		return UPOSPUNCT
	case ENG:
		return UPOSPROPN
	case G, X:
		return UPOSNOUN
	}
	return UPOSX
}
