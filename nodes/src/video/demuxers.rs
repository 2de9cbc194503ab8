//! What ffmpeg may take a file for: every demuxer that reads the file itself, and none that only
//! leads to other files or addresses (HLS, DASH, concat scripts, SDP, IMF, VobSub) or to a device.

/// The demuxers' names, up to ffmpeg 8; one that a version does not know does no harm.
pub(crate) const DEMUXERS: &str = "\
    3dostr,3g2,3gp,4xm,aa,aac,aax,ac3,aca,ace,acm,act,adf,adp,ads,adx,aea,afc,aiff,aix,alaw,\
    alias_pix,alp,amr,amrnb,amrwb,animated_webp,anm,ansi,apac,apc,ape,apm,apng,aptx,aptx_hd,apv,\
    aqtitle,argo_asf,argo_brp,argo_cvg,asf,asf_o,ass,ast,au,av1,avi,avr,avs,avs2,avs3,bethsoftvid,\
    bfi,bfstm,bin,bink,binka,bit,bitpacked,bmp_pipe,bmv,boa,bonk,brender_pix,brstm,c93,caf,\
    cavsvideo,cdg,cdxl,cine,codec2,codec2raw,cri_pipe,data,daud,dcstr,dds_pipe,derf,dfa,dfpwm,dhav,\
    dirac,dnxhd,dpx_pipe,dsd,dsf,dsicin,dss,dts,dtshd,dv,dvbsub,dvbtxt,dxa,ea,ea_cdata,eac3,epaf,\
    evc,exr_pipe,f32be,f32le,f64be,f64le,film_cpk,filmstrip,fits,flac,flic,flv,frm,fsb,fwse,g722,\
    g723_1,g726,g726le,g729,gdv,gem_pipe,genh,gif,gif_pipe,gsm,gxf,h261,h263,h264,hca,hcom,\
    hdr_pipe,hevc,hnm,hxvs,iamf,ico,idcin,idf,iff,ifv,ilbc,image2,image2pipe,ingenient,ipmovie,ipu,\
    ircam,iss,iv8,ivf,ivr,j2k_pipe,jacosub,jpeg_pipe,jpegls_pipe,jpegxl_anim,jpegxl_pipe,jv,kux,\
    kvag,laf,lc3,libgme,libmodplug,libopenmpt,live_flv,lmlm4,loas,lrc,luodat,lvf,lxf,m4a,m4v,\
    matroska,mca,mcc,mgsts,microdvd,mj2,mjpeg,mjpeg_2000,mlp,mlv,mm,mmf,mods,moflex,mov,mp3,mp4,\
    mpc,mpc8,mpeg,mpegts,mpegtsraw,mpegvideo,mpjpeg,mpl2,mpsub,msf,msnwctcp,msp,mtaf,mtv,mulaw,\
    musx,mv,mvi,mxf,mxg,nc,nistsphere,nsp,nsv,nut,nuv,obu,ogg,oma,osq,paf,pam_pipe,pbm_pipe,\
    pcx_pipe,pdv,pfm_pipe,pgm_pipe,pgmyuv_pipe,pgx_pipe,phm_pipe,photocd_pipe,pictor_pipe,pjs,pmp,\
    png_pipe,pp_bnk,ppm_pipe,psd_pipe,psxstr,pva,pvf,qcp,qdraw_pipe,qoa,qoi_pipe,r3d,rawvideo,rcwt,\
    realtext,redspark,rka,rl2,rm,roq,rpl,rsd,rso,s16be,s16le,s24be,s24le,s32be,s32le,s337m,s8,sami,\
    sbc,sbg,scc,scd,sdns,sdr2,sds,sdx,ser,sga,sgi_pipe,shn,siff,simbiosis_imx,sln,smjpeg,smk,smush,\
    sol,sox,spdif,srt,stl,subviewer,subviewer1,sunrast_pipe,sup,svag,svg_pipe,svs,svx,swf,tak,\
    tedcaptions,thp,tiertexseq,tiff_pipe,tmv,truehd,tta,tty,txd,ty,u16be,u16le,u24be,u24le,u32be,\
    u32le,u8,usm,v210,v210x,vag,vbn_pipe,vc1,vc1test,vidc,vividas,vivo,vmd,voc,vpk,vplayer,vqc1,\
    vqf,vvc,w64,wady,wav,wavarc,wc3movie,webm,webp_anim,webp_pipe,webvtt,wsaud,wsd,wsvqa,wtv,wv,\
    wve,xa,xbin,xbm_pipe,xmd,xmv,xpm_pipe,xvag,xwd_pipe,xwma,yop,yuv4mpegpipe";

/// What ffmpeg complains of when it takes a file for something that leads elsewhere: the demuxer or
/// the protocol that it would need.
pub(crate) fn leads_elsewhere(said: &str) -> Option<String> {
    said.lines().find_map(|line| {
        if line.contains("Format not on whitelist") {
            // `[hls @ 0x55…] Format not on whitelist 'aac,…'`
            let name = line.split('[').nth(1)?.split([' ', ']']).next()?;
            return Some(format!("demuxer `{name}`"));
        }
        let (_, protocol) = line.split_once("Protocol '")?;
        let (name, rest) = protocol.split_once('\'')?;
        (rest.starts_with(" not on whitelist")).then(|| format!("protocol `{name}`"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leads_elsewhere_is_no_demuxer_of_a_film() {
        let names: Vec<&str> = DEMUXERS.split(',').collect();
        for film in [
            "mov", "matroska", "avi", "mpegts", "gif", "ogg", "flv", "asf", "wav", "image2",
        ] {
            assert!(names.contains(&film), "{film}");
        }
        for list in [
            "hls", "dash", "concat", "sdp", "rtsp", "rtp", "imf", "vobsub", "lavfi",
        ] {
            assert!(!names.contains(&list), "{list}");
        }
        let is_name = |name: &&str| !name.is_empty() && !name.contains(' ');
        assert!(names.iter().all(is_name));
    }

    #[test]
    fn the_demuxer_or_protocol_is_found_in_what_ffmpeg_says() {
        let said = "[hls @ 0x5581] Format not on whitelist 'aac,aax'\nfile:a.mp4: Invalid argument";
        assert_eq!(leads_elsewhere(said).unwrap(), "demuxer `hls`");
        let said = "[hls @ 0x5581] [error] Format not on whitelist 'aac,aax'";
        assert_eq!(leads_elsewhere(said).unwrap(), "demuxer `hls`");
        let said =
            "[rtp @ 0x55] Protocol 'rtp' not on whitelist 'file,pipe'!\nfile:a: Invalid data";
        assert_eq!(leads_elsewhere(said).unwrap(), "protocol `rtp`");
        assert_eq!(leads_elsewhere("moov atom not found"), None);
    }
}
