"""Laying the mark ``waarmerk.image.1`` on a picture."""

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from waarmerk.marking.image.canonical import canonical_luma, residual, resize
from waarmerk.marking.image.lines import payload_values, soft_bits, tile_spectrum
from waarmerk.marking.image.scheme import SCHEME, KeyPattern, key_pattern

class S: pass
P=S(); P.rho=.2; P.slope=.3; P.alpha=.5; P.mfloor=1.0; P.mr=3; P.psnr=43.0; P.iters=0; P.eta=.5; P.lo=.6; P.hi=1.8

def tile(lines, values):
    t=SCHEME.tile
    half=np.zeros((t,t),np.complex64)
    x,y=lines.T
    half[y,x]=values; half[-y,-x]=np.conj(values)
    return scipy.fft.ifft2(half).real.astype(np.float32)*t*t
def spread(tl,h,w,signs=None):
    t=SCHEME.tile
    rows,cols=-(-h//t),-(-w//t)
    if signs is None: out=np.tile(tl,(rows,cols))
    else:
        i=np.arange(rows)%8; j=np.arange(cols)%8
        out=(signs[i][:,j][:,None,:,None]*tl[None,:,None,:]).reshape(rows*t,cols*t)
    return out[:h,:w]
def mask_of(y):
    from waarmerk.kernels.picture import box_mean
    a=np.empty_like(y); box_mean(y,SCHEME.high_pass,SCHEME.high_pass,a)
    d=(y-a)**2; b=np.empty_like(y); box_mean(d,P.mr,P.mr,b)
    return np.maximum(b,0)**(P.alpha/2)+np.float32(P.mfloor)
RGBDIR=np.array(SCHEME.luma)/np.dot(SCHEME.luma,SCHEME.luma)
def apply(rgb,w):
    h,wd=rgb.shape[:2]
    if w.shape!=(h,wd): w=resize(w,h,wd)
    return np.clip(np.rint(rgb+w[...,None]*RGBDIR.astype(np.float32)),0,255).astype(np.uint8)
def embed(rgb,key,mid,sim=None):
    pat=key_pattern(key)
    y=canonical_luma(rgb); h,w=y.shape
    m=mask_of(y)
    word=SCHEME.code.encode(mid).astype(float)
    rs=np.hypot(*SCHEME.sync_lines.T)/SCHEME.tile; rp=np.hypot(*SCHEME.payload_lines.T)/SCHEME.tile
    s=tile(SCHEME.sync_lines, (rs/.1)**P.slope*pat.sync_signs(mid)*np.exp(1j*pat.sync_phase)); s/=s.std()
    gains=np.ones(SCHEME.code_length)
    c=np.exp(1j*pat.payload_phase)*(rp/.1)**P.slope*word[pat.payload_bit]
    ss=np.sqrt(P.rho)*m*spread(s,h,w)
    for it in range(P.iters+1):
        p=tile(SCHEME.payload_lines,c*gains[pat.payload_bit]); p/=p.std()
        wm=ss+np.sqrt(1-P.rho)*m*spread(p,h,w,pat.tile_signs)
        g=np.sqrt(255**2/10**(P.psnr/10)/(np.mean(wm*wm)*(RGBDIR@RGBDIR)/3))
        if it==P.iters: break
        yy=np.clip(y+g*wm,0,255)
        acc=0
        for f in sim:
            v,wt=payload_values(tile_spectrum(residual(f(yy)),pat.tile_signs))
            b=soft_bits(v,wt,pat)*word
            b=b/np.sqrt((np.abs(v)**2*wt**2).sum()/2/SCHEME.code_length)
            acc=acc+b
        b=acc/len(sim)
        # want b uniform: raise weak
        gains*=np.exp(-P.eta*(b-b.mean())/max(b.std(),b.mean())); gains=np.clip(gains,P.lo,P.hi); 
    return apply(rgb,g*wm)
