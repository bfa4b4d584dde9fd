// Package image makes the images that AWS runs from those that people have: it
// puts the worker into them as one more layer, in front of their own entry
// point, and pushes the result to where tasks pull it from. No Docker Engine is
// needed for an image that is in a registry already.
//
// What it makes is the same, byte for byte, from the same image and the same
// program, so that an image that has been pushed is known by its digest and not
// pushed again.
//
// It speaks the protocol of registries itself, as far as images for tasks need
// it, and reads logins where Docker keeps them. What it makes is an image as OCI
// describes one; what it does not know of a configuration stays as it is.
package image
