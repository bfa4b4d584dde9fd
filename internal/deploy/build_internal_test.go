package deploy

import "testing"

// TestTheFailingStep has what three builders print.
func TestTheFailingStep(t *testing.T) {
	for name, test := range map[string]struct{ said, want string }{
		"BuildKit": {
			"#1 [internal] load build definition\n#5 [2/2] RUN false\n#5 ERROR: exit code: 1\n------\n > [2/2] RUN false:\n0.2 oh\n------\nERROR: failed to solve\n",
			" > [2/2] RUN false:\n0.2 oh\n------\nERROR: failed to solve",
		},
		"Docker's older": {
			"Step 1/2 : FROM x\n ---> 1\nStep 2/2 : RUN false\n ---> Running in 2\noh\nThe command returned a non-zero code: 1\n",
			"Step 2/2 : RUN false\n ---> Running in 2\noh\nThe command returned a non-zero code: 1",
		},
		"Podman": {
			"STEP 1/2: FROM x\nSTEP 2/2: RUN false\noh\nError: building at STEP \"RUN false\": exit status 1\n",
			"STEP 2/2: RUN false\noh\nError: building at STEP \"RUN false\": exit status 1",
		},
		"none": {"unknown instruction: FORM\n", "unknown instruction: FORM"},
	} {
		if got := failingStep(test.said); got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}
